//! Pages that are images: each as one grey picture, for a program that reads pictures (OCR).

use hayro_interpret::font::GlyphRun;
use hayro_interpret::hayro_syntax::object::Dict;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, LumaData,
    SoftMask,
};

/// Resolution of the picture, pixels a point: 300 a inch, which OCR programs are made for.
const PIXELS_PER_POINT: f64 = 300.0 / 72.0;
/// More pixels than this in the picture: the resolution is lowered.
const MAX_PIXELS: f64 = 12_000_000.0;
/// Pixels painted for one page, over all of its images; bounds hostile pages.
const MAX_PAINTED: usize = 60_000_000;

/// A device that paints the images of a page and nothing else.
pub(super) struct Painter {
    width: usize,
    height: usize,
    scale: f64,
    grey: Vec<u8>,
    room: usize,
}

impl Painter {
    /// A white page of this many points.
    pub(super) fn new(width: f32, height: f32) -> Self {
        let (width, height) = (f64::from(width.max(1.0)), f64::from(height.max(1.0)));
        let scale = PIXELS_PER_POINT.min((MAX_PIXELS / (width * height)).sqrt());
        let (across, down) = (pixels(width * scale).max(1), pixels(height * scale).max(1));
        Self {
            width: across,
            height: down,
            scale,
            grey: vec![u8::MAX; across * down],
            room: MAX_PAINTED,
        }
    }

    /// The picture as a file: a portable grey map (PGM), which every OCR program reads.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        file.extend(self.grey);
        file
    }

    /// Paints what `shade` gives for each point of an image of `width` times `height` pixels.
    fn paint(
        &mut self,
        transform: Affine,
        (width, height): (u32, u32),
        shade: impl Fn(usize) -> Option<u8>,
    ) {
        let to_page = Affine::scale(self.scale) * transform;
        let full = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let area = to_page.transform_rect_bbox(full);
        if to_page.determinant().abs() < 1e-9 || !area.is_finite() {
            return;
        }
        let to_image = to_page.inverse();
        let (left, right) = (pixels(area.x0), pixels(area.x1.ceil()).min(self.width));
        let (top, bottom) = (pixels(area.y0), pixels(area.y1.ceil()).min(self.height));
        let painted = right.saturating_sub(left) * bottom.saturating_sub(top);
        if painted > self.room {
            return;
        }
        self.room -= painted;
        for y in top..bottom {
            for x in left..right {
                let at = to_image * Point::new(x as f64 + 0.5, y as f64 + 0.5);
                if at.x < 0.0 || at.y < 0.0 {
                    continue;
                }
                let (column, row) = (pixels(at.x), pixels(at.y));
                if column < width as usize
                    && row < height as usize
                    && let Some(grey) = shade(row * width as usize + column)
                {
                    self.grey[y * self.width + x] = grey;
                }
            }
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "negative values become zero")]
fn pixels(value: f64) -> usize {
    value.max(0.0) as usize
}

/// The image's own size stretched to what the page takes it for.
fn stretched(transform: Affine, (x, y): (f32, f32)) -> Affine {
    transform * Affine::scale_non_uniform(f64::from(x), f64::from(y))
}

impl<'a> Device<'a> for Painter {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        match image {
            Image::Stencil(stencil) => stencil.with_stencil(
                |mask: LumaData, _| {
                    let transform = stretched(props.transform, mask.scale_factors);
                    self.paint(transform, (mask.width, mask.height), |index| {
                        (mask.data[index] > 127).then_some(0)
                    });
                },
                None,
            ),
            Image::Raster(raster) => raster.with_rgba(
                |data, _| {
                    let transform = stretched(props.transform, data.scale_factors());
                    let size = (data.width(), data.height());
                    match data {
                        ImageData::Luma(luma) => {
                            self.paint(transform, size, |index| Some(luma.data[index]));
                        }
                        ImageData::Rgb(rgb) => self.paint(transform, size, |index| {
                            let [red, green, blue] =
                                [0, 1, 2].map(|part| u16::from(rgb.data[index * 3 + part]));
                            u8::try_from((red + green * 2 + blue) / 4).ok()
                        }),
                    }
                },
                None,
            ),
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn begin_marked_content(&mut self, _: &[u8], _: Option<&Dict<'_>>) {}
    fn end_marked_content(&mut self) {}
}
