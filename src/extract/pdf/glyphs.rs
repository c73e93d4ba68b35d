//! Positioned characters of one page.
//!
//! Owns the drawing device through which hayro reports a page. Knows nothing of words or lines.
//! Coordinates are points with the origin at the top left of the page as a reader sees it, so `y`
//! grows downwards and a rotated page is already upright.

use std::collections::HashMap;
use std::sync::Arc;

use hayro_interpret::font::{Glyph as DrawnGlyph, GlyphIdentifier, GlyphRun, OutlineGlyph};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::object::{Dict, Name};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::xref::XRef;
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, RenderContent, SoftMask, TransformExt, interpret_page,
};

use super::annotations::read_annotations;
use super::characters::{expand, is_readable, is_right_to_left};
use super::glyph::{Edge, Glyph, PageGlyphs, Rule};
use super::mend;
use super::scans::Painter;

/// More glyphs than this on one page are not prose; the rest of the page is left out.
const MAX_GLYPHS_PER_PAGE: usize = 200_000;
/// More rules than this on one page are a drawing, not a table.
const MAX_RULES_PER_PAGE: usize = 4_000;
/// Outlines larger than this are drawings, not letters: their ink says nothing about weight.
const MAX_OUTLINE_SEGMENTS: usize = 600;

/// Reads pages of one file, sharing fonts between them.
pub(super) struct GlyphReader<'a> {
    xref: &'a XRef,
    cache: InterpreterCache<'a>,
    settings: InterpreterSettings,
    ink: HashMap<GlyphIdentifier, f32>,
}

impl<'a> GlyphReader<'a> {
    /// A reader for the file that `xref` belongs to.
    pub(super) fn new(xref: &'a XRef) -> Self {
        let settings = InterpreterSettings {
            warning_sink: Arc::new(|_| {}),
            render_content: RenderContent::all(),
            cmap_resolver: Arc::new(mend::cmap_by_name),
            ..InterpreterSettings::default()
        };
        Self {
            xref,
            cache: InterpreterCache::new(),
            settings,
            ink: HashMap::new(),
        }
    }

    fn context(&self, page: &Page<'a>) -> Context<'a> {
        let (width, height) = page.render_dimensions();
        Context::new(
            page.initial_transform(true).to_kurbo(),
            Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
            &self.cache,
            self.xref,
            self.settings.clone(),
        )
    }

    /// The images of `page` as one picture (PGM).
    pub(super) fn picture(&self, page: &Page<'a>) -> Vec<u8> {
        let (width, height) = page.render_dimensions();
        let mut painter = Painter::new(width, height);
        interpret_page(page, &mut self.context(page), &mut painter);
        painter.finish()
    }

    /// Everything that `page` draws, form fields and notes included.
    pub(super) fn read(&mut self, page: &Page<'a>) -> PageGlyphs {
        let (width, height) = page.render_dimensions();
        let mut context = self.context(page);
        let mut device = Collector {
            page: PageGlyphs {
                width,
                height,
                ..PageGlyphs::default()
            },
            ink: &mut self.ink,
            furniture_depth: 0,
        };
        interpret_page(page, &mut context, &mut device);
        let mut read = device.page;
        drop_outside(&mut read);
        drop_repeats(&mut read.glyphs);
        read_annotations(page, &mut read);
        read
    }
}

/// Leaves out what lies off the page (printers' marks), unless everything does.
fn drop_outside(page: &mut PageGlyphs) {
    let (width, height) = (page.width, page.height);
    let on_page = |glyph: &Glyph| {
        glyph.x > -2.0 && glyph.x < width + 2.0 && glyph.y > -2.0 && glyph.y < height + glyph.size
    };
    if page.glyphs.iter().any(on_page) {
        page.glyphs.retain(on_page);
    }
}

/// Leaves out characters drawn again on top of themselves (fake bold, shadows).
fn drop_repeats(glyphs: &mut Vec<Glyph>) {
    let mut seen: HashMap<(char, i32, i32), (f32, f32)> = HashMap::with_capacity(glyphs.len());
    glyphs.retain(|glyph| {
        if glyph.character == ' ' {
            return true;
        }
        // Less than half of the narrowest letter, so that neighbours are never taken for repeats.
        let near = (glyph.size * 0.1).min(glyph.advance * 0.45).max(0.05);
        let (column, row) = (cell(glyph.x, near), cell(glyph.y, near));
        let again = (-1..=1).any(|dx| {
            (-1..=1).any(|dy| {
                seen.get(&(glyph.character, column + dx, row + dy))
                    .is_some_and(|&(x, y)| (x - glyph.x).abs() < near && (y - glyph.y).abs() < near)
            })
        });
        if !again {
            seen.insert((glyph.character, column, row), (glyph.x, glyph.y));
        }
        !again
    });
}

fn cell(value: f32, step: f32) -> i32 {
    ((value / step).round() as i32).clamp(i32::MIN / 2, i32::MAX / 2)
}

/// The device: notes what is drawn, draws nothing.
struct Collector<'ink> {
    page: PageGlyphs,
    ink: &'ink mut HashMap<GlyphIdentifier, f32>,
    furniture_depth: u32,
}

impl Collector<'_> {
    fn push_run(&mut self, run: &GlyphRun<'_, '_>, transform: Affine, vertical: bool) {
        let scales: Vec<Placement> = run
            .glyphs()
            .iter()
            .map(|glyph| Placement::new(transform * glyph.transform(), vertical))
            .collect();
        let even = evenly_stretched(&scales);
        for (glyph, placement) in run.glyphs().iter().zip(&scales) {
            if self.page.glyphs.len() + self.page.artifacts.len() >= MAX_GLYPHS_PER_PAGE {
                self.page.truncated = true;
                return;
            }
            let (unicode, width, ink, type3) = match &**glyph {
                DrawnGlyph::Outline(outline) => (
                    outline.as_unicode(),
                    outline.advance_width(),
                    self.ink_of(outline),
                    false,
                ),
                DrawnGlyph::Type3(type3) => (type3.as_unicode(), type3.advance_width(), 0.0, true),
            };
            if let Some(place) = placement.filled(width, even, type3, vertical) {
                self.push_text(unicode, &place, ink);
            }
        }
    }

    fn push_text(&mut self, unicode: Option<BfString>, place: &Place, ink: f32) {
        let known = unicode.is_some();
        let mut characters: Vec<char> = Vec::with_capacity(4);
        match unicode {
            Some(BfString::Char(one)) => expand(one, &mut characters),
            Some(BfString::String(several)) => {
                let mut parts: Vec<char> = several.chars().take(16).collect();
                // The page shows a right-to-left ligature with its first letter at the right.
                if parts.iter().all(|&part| is_right_to_left(part)) {
                    parts.reverse();
                }
                for part in parts {
                    expand(part, &mut characters);
                }
            }
            None => {}
        }
        let any = !characters.is_empty();
        characters.retain(|&character| is_readable(character));
        if characters.is_empty() {
            self.page.unmapped += usize::from(any || !known);
            return;
        }
        let share = place.advance / characters.len() as f32;
        for (position, &character) in characters.iter().enumerate() {
            let along = share * position as f32;
            let glyphs = if self.furniture_depth > 0 {
                &mut self.page.artifacts
            } else {
                &mut self.page.glyphs
            };
            glyphs.push(Glyph {
                character,
                x: place.x + along * place.direction.0,
                y: place.y + along * place.direction.1,
                advance: share,
                size: place.size,
                angle: place.angle,
                ink: if characters.len() == 1 { ink } else { 0.0 },
            });
        }
    }

    /// The inked share of the em square: bold letters have more of it.
    fn ink_of(&mut self, glyph: &OutlineGlyph) -> f32 {
        *self
            .ink
            .entry(glyph.identifier())
            .or_insert_with(|| ink_of_outline(&glyph.outline()))
    }

    /// Notes the straight edges of a path that lie upright or across.
    fn push_edges(&mut self, path: &BezPath, transform: Affine) {
        let (mut start, mut last) = (Point::ZERO, Point::ZERO);
        for element in path.elements() {
            let next = match *element {
                PathEl::MoveTo(point) => {
                    (start, last) = (point, point);
                    continue;
                }
                PathEl::LineTo(point) | PathEl::QuadTo(_, point) | PathEl::CurveTo(_, _, point) => {
                    point
                }
                PathEl::ClosePath => start,
            };
            if !matches!(element, PathEl::QuadTo(..) | PathEl::CurveTo(..)) {
                self.push_edge(transform * last, transform * next);
            }
            last = next;
        }
    }

    fn push_edge(&mut self, one: Point, other: Point) {
        if self.page.across.len() + self.page.upright.len() >= MAX_RULES_PER_PAGE * 2 {
            return;
        }
        let (width, height) = ((one.x - other.x).abs(), (one.y - other.y).abs());
        let edge = |at: f64, a: f64, b: f64| Edge {
            at: narrow(at),
            start: narrow(a.min(b)),
            end: narrow(a.max(b)),
        };
        if height < 1.0 && width > height {
            let found = edge(f64::midpoint(one.y, other.y), one.x, other.x);
            self.page.across.push(found);
        } else if width < 1.0 && height > width {
            let found = edge(f64::midpoint(one.x, other.x), one.y, other.y);
            self.page.upright.push(found);
        }
    }

    fn push_rule(&mut self, rect: Rect) {
        let rule = Rule {
            left: narrow(rect.x0),
            right: narrow(rect.x1),
            y: narrow(rect.center().y),
        };
        if rect.width() > 20.0 && rect.height() < 3.0 && self.page.rules.len() < MAX_RULES_PER_PAGE
        {
            self.page.rules.push(rule);
        }
        let is_bar = (2.0..300.0).contains(&rect.width()) && rect.height() < 1.5;
        if is_bar && self.page.bars.len() < MAX_RULES_PER_PAGE {
            self.page.bars.push(rule);
        }
    }
}

fn ink_of_outline(outline: &BezPath) -> f32 {
    if outline.elements().len() > MAX_OUTLINE_SEGMENTS {
        return 0.0;
    }
    narrow(outline.area().abs() / 1_000_000.0)
}

/// Where the glyph transform puts the em square.
struct Placement {
    origin: Point,
    along: (f64, f64),
    along_scale: f64,
    size: f64,
}

/// A glyph's place once its width is known.
struct Place {
    x: f32,
    y: f32,
    direction: (f32, f32),
    advance: f32,
    size: f32,
    angle: u16,
}

impl Placement {
    fn new(transform: Affine, vertical: bool) -> Self {
        let [a, b, c, d, _, _] = transform.as_coeffs();
        let across = (a.hypot(b), c.hypot(d));
        let along = if vertical { (-c, -d) } else { (a, b) };
        Self {
            origin: transform * Point::ZERO,
            along,
            along_scale: across.0 * 1000.0,
            size: across.1 * 1000.0,
        }
    }

    /// `None` if any number is unusable (hostile or degenerate matrices).
    fn filled(&self, width: Option<f32>, even: bool, type3: bool, vertical: bool) -> Option<Place> {
        let length = self.along.0.hypot(self.along.1);
        let usable = [self.origin.x, self.origin.y, length, self.size]
            .iter()
            .all(|value| value.is_finite() && value.abs() < 1e6);
        if !usable || length <= 0.0 || self.size < 0.01 {
            return None;
        }
        let direction = (narrow(self.along.0 / length), narrow(self.along.1 / length));
        let scale = if even { self.along_scale } else { self.size };
        let width = f64::from(width.unwrap_or(500.0).clamp(-5000.0, 1e5));
        let mut size = self.size;
        let mut advance = if vertical {
            self.size
        } else {
            width / 1000.0 * scale
        };
        // The em of a type 3 font is whatever its author liked; its widths are to be trusted more.
        if type3 && advance > 0.0 && !(0.15..1.5).contains(&(advance / size)) {
            size = advance / 0.5;
        }
        advance = advance.clamp(0.0, size * 4.0);
        Some(Place {
            x: narrow(self.origin.x),
            y: narrow(self.origin.y),
            direction,
            advance: narrow(advance),
            size: narrow(size),
            angle: snapped_angle(direction),
        })
    }
}

/// Whether all glyphs of a run have one horizontal scale. Substitute fonts are stretched glyph by
/// glyph, and then the scale says nothing about the advance.
fn evenly_stretched(run: &[Placement]) -> bool {
    let ratio = |placement: &Placement| placement.along_scale / placement.size.max(1e-9);
    let (low, high) = run
        .iter()
        .map(ratio)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    high <= low * 1.02 && (run.len() > 1 || (high - 1.0).abs() > 0.3 || (high - 1.0).abs() < 0.02)
}

/// Degrees, with nearly upright text taken as upright and slanted text in steps of five.
#[expect(clippy::cast_sign_loss, reason = "the value lies between 0 and 359")]
fn snapped_angle(direction: (f32, f32)) -> u16 {
    let degrees = direction
        .1
        .atan2(direction.0)
        .to_degrees()
        .rem_euclid(360.0);
    let quarter = (degrees / 90.0).round() * 90.0;
    let snapped = if (degrees - quarter).abs() < 3.0 {
        quarter
    } else {
        (degrees / 5.0).round() * 5.0
    };
    snapped.rem_euclid(360.0) as u16
}

fn narrow(value: f64) -> f32 {
    value as f32
}

impl<'a> Device<'a> for Collector<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        if path.elements().len() <= MAX_OUTLINE_SEGMENTS {
            self.push_edges(path, props.transform);
        }
        // Only plain lines and boxes can be rules.
        if path.elements().len() <= 6
            && path
                .elements()
                .iter()
                .all(|element| !matches!(element, PathEl::QuadTo(..) | PathEl::CurveTo(..)))
        {
            self.push_rule(props.transform.transform_rect_bbox(path.bounding_box()));
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, _: &DrawMode) {
        self.push_edges(&rect.to_path(0.1), props.transform);
        self.push_rule(props.transform.transform_rect_bbox(*rect));
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_clip_rect(&mut self, _: &Rect) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let vertical = matches!(
            run.writing_mode(),
            hayro_interpret::hayro_cmap::WritingMode::Vertical
        );
        self.push_run(run, props.transform, vertical);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let pixels = Rect::new(
            0.0,
            0.0,
            f64::from(image.width()),
            f64::from(image.height()),
        );
        let area = props.transform.transform_rect_bbox(pixels);
        self.page.has_image |= area.width() > 20.0 && area.height() > 20.0;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let is_furniture = tag == b"Artifact"
            && properties
                .and_then(|properties| properties.get::<Name<'_>>("Type"))
                .is_some_and(|kind| kind.as_ref() == b"Pagination");
        if self.furniture_depth > 0 || is_furniture {
            self.furniture_depth += 1;
        }
    }

    fn end_marked_content(&mut self) {
        self.furniture_depth = self.furniture_depth.saturating_sub(1);
    }
}
