//! Generations on disk: written whole, checked before use, refused when damaged.

use std::num::NonZeroUsize;
use std::path::Path;

use wattwise::embed::Embedder;
use wattwise::index::hnsw::HnswParameters;
use wattwise::model::{GenerationId, UnitVector};
use wattwise::retrieve::check_embedder;
use wattwise::runtime::cpu_pool;
use wattwise::snapshot::write::write;
use wattwise::snapshot::{FORMAT, SnapshotError, current, open};

use crate::fake_embedder::HashEmbedder;
use crate::tiny_generation::contents;

const WIDTH: usize = 64;

pub(crate) async fn publish(index: &Path, count: u32) -> GenerationId {
    let contents = contents(count, &HashEmbedder::named("fake")).await;
    let pool = cpu_pool::build("test", NonZeroUsize::MIN);
    let id = write(index, &contents, HnswParameters::default(), &pool).unwrap();
    current::publish(index, &id).unwrap();
    id
}

#[tokio::test]
async fn what_is_written_is_read() {
    let index = tempfile::tempdir().unwrap();
    let id = publish(index.path(), 5).await;
    let (generation, refused) = open::open_usable(index.path(), WIDTH).unwrap();
    assert!(refused.is_empty());
    assert_eq!(generation.id(), &id);
    assert_eq!(generation.records.documents().len(), 5);
    assert!(generation.records.text(3).starts_with("Guide 3"));
    let query = HashEmbedder::named("fake")
        .embed_query(generation.records.text(3))
        .await
        .unwrap();
    assert_eq!(generation.nearest(&query.whole, 1, None)[0].row, 3);
    assert_eq!(
        generation.row_with_text(generation.records.text(2)),
        Some(2)
    );
}

#[tokio::test]
async fn every_damaged_file_is_refused_and_the_generation_before_answers() {
    let index = tempfile::tempdir().unwrap();
    let older = publish(index.path(), 3).await;
    let newer = publish(index.path(), 4).await;
    let directory = index.path().join(newer.as_str());
    let mut names: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    for path in names {
        let whole = std::fs::read(&path).unwrap();
        let flipped = |position: usize| {
            let mut bytes = whole.clone();
            bytes[position] ^= 1;
            Some(bytes)
        };
        let longer = [whole.as_slice(), b"x"].concat();
        let damages = [
            ("cut in half", Some(whole[..whole.len() / 2].to_vec())),
            ("emptied", Some(Vec::new())),
            ("with its first bit flipped", flipped(0)),
            ("with a middle bit flipped", flipped(whole.len() / 2)),
            ("with its last bit flipped", flipped(whole.len() - 1)),
            (
                "with a byte appended",
                (!path.ends_with("manifest.b3")).then_some(longer),
            ),
            ("deleted", None),
        ];
        for (damage, bytes) in damages {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None if damage == "deleted" => std::fs::remove_file(&path).unwrap(),
                None => continue,
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let error = open::open(index.path(), &newer, WIDTH)
                .err()
                .unwrap_or_else(|| panic!("{name} {damage} was opened"));
            assert!(
                matches!(error, SnapshotError::Damaged { .. }),
                "{name} {damage}: {error}"
            );
            let (answering, refused) = open::open_usable(index.path(), WIDTH).unwrap();
            assert_eq!(
                (answering.id(), refused.len()),
                (&older, 1),
                "{name} {damage}"
            );
            std::fs::write(&path, &whole).unwrap();
        }
    }
    assert_eq!(
        open::open_usable(index.path(), WIDTH).unwrap().0.id(),
        &newer,
        "whole again"
    );
}

#[tokio::test]
async fn another_format_or_embedder_is_refused_by_name() {
    let index = tempfile::tempdir().unwrap();
    let id = publish(index.path(), 2).await;
    let (generation, _) = open::open_usable(index.path(), WIDTH).unwrap();
    let manifest = &generation.records.manifest;
    assert!(
        check_embedder(manifest, &HashEmbedder::named("fake"))
            .await
            .unwrap()
            .is_ok()
    );
    let other = check_embedder(manifest, &HashEmbedder::named("other"))
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        other.contains("test/fake")
            && other.contains("test/other")
            && other.contains("wattwise ingest"),
        "{other}"
    );

    let mut changed = manifest.clone();
    changed.probes[0].vector.reverse();
    let changed = check_embedder(&changed, &HashEmbedder::named("fake"))
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(changed, SnapshotError::EmbedderChanged { .. }),
        "{changed}"
    );

    let path = index.path().join(id.as_str()).join("manifest.json");
    let json = std::fs::read_to_string(&path).unwrap().replacen(
        &format!("\"format\": {FORMAT}"),
        "\"format\": 99",
        1,
    );
    std::fs::write(&path, &json).unwrap();
    std::fs::write(
        path.with_file_name("manifest.b3"),
        blake3::hash(json.as_bytes()).to_hex().as_str(),
    )
    .unwrap();
    let error = open::open(index.path(), &id, WIDTH).err().unwrap();
    assert!(
        matches!(error, SnapshotError::Format { found: 99, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn old_generations_and_leftovers_are_pruned_but_never_the_live_one() {
    let index = tempfile::tempdir().unwrap();
    let first = publish(index.path(), 1).await;
    let second = publish(index.path(), 1).await;
    let third = publish(index.path(), 1).await;
    std::fs::create_dir(index.path().join(".writing-leftover")).unwrap();
    current::publish(index.path(), &first).unwrap();
    assert_eq!(current::prune(index.path(), 1).unwrap(), [second]);
    assert_eq!(current::list(index.path()).unwrap(), [first.clone(), third]);
    assert!(!index.path().join(".writing-leftover").exists());
    assert_eq!(current::read(index.path()).unwrap(), first);
}

#[test]
fn an_empty_directory_says_what_to_do() {
    let index = tempfile::tempdir().unwrap();
    let error = open::open_usable(index.path(), WIDTH)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("wattwise ingest"), "{error}");
}

/// Generations as each format wrote them, the present one too; they must open for ever.
#[test]
fn the_golden_snapshots_open() {
    for format in 1..=FORMAT {
        golden_opens(&format!("format-{format}"));
    }
}

fn golden_opens(format: &str) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let (generation, refused) = open::open_usable(&golden.join(format), WIDTH).unwrap();
    let third = UnitVector::normalize(generation.records.vectors.row(2).to_vec()).unwrap();
    assert_eq!(generation.nearest(&third, 1, None)[0].row, 2);
    assert!(refused.is_empty());
    assert_eq!(generation.records.manifest.counts.documents, 3);
    assert_eq!(
        generation.records.text(1),
        "Guide 1 on heating. Turn the thermostat down by 1 °C. It saves energy."
    );
    assert_eq!(generation.terms().held_by("thermostat"), 3);
    assert_eq!(generation.records.chunks()[2].sentences.len(), 3);
    let words = generation.records.words.codes(2).unwrap();
    assert_eq!(words.is_empty(), generation.records.manifest.format < 3);
}

/// Rewrites the golden snapshot when asked to by its variable; to be used once per format.
#[tokio::test]
async fn the_golden_snapshot_can_be_made() {
    let index = match std::env::var_os("WATTWISE_MAKE_GOLDEN") {
        Some(directory) => std::path::PathBuf::from(directory),
        None => tempfile::tempdir().unwrap().keep(),
    };
    let id = publish(&index, 3).await;
    assert!(index.join(id.as_str()).join("manifest.json").is_file());
}
