//! Indexes in object stores: one contract for the store in memory and for the one in a folder.
//! `make check-objects` plays the same through the program and a server that speaks S3.

use std::path::Path;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tempfile::TempDir;
use wattwise::model::GenerationId;
use wattwise::objects::{Address, Bucket, Look, ObjectsError, Provider, Reader, Workspace, Writer};
use wattwise::snapshot::{Manifest, Supply as _, current, open};

use crate::snapshots::publish;

/// A store and what belongs to it, gone at the end.
struct Site {
    bucket: Bucket,
    folders: TempDir,
}

/// Each kind of store that runs here.
fn sites() -> Vec<Site> {
    let (memory, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let in_folder = format!("file://{}", folder.path().join("store").display());
    let stores: [(Arc<dyn ObjectStore>, String, TempDir); 2] = [
        (
            Arc::new(InMemory::new()),
            "s3://bucket/some/prefix".to_owned(),
            memory,
        ),
        (Arc::new(LocalFileSystem::new()), in_folder, folder),
    ];
    let site = |(store, address, folders): (_, String, _)| Site {
        bucket: Bucket::over(store, Address::parse(&address).unwrap()),
        folders,
    };
    stores.into_iter().map(site).collect()
}

impl Site {
    fn writer(&self, name: &str) -> Writer {
        Writer::new(self.bucket.clone(), self.folders.path().join(name))
    }

    fn reader(&self, name: &str) -> Reader {
        Reader::new(self.bucket.clone(), self.folders.path().join(name))
    }

    /// What a run does: pull, make, push.
    async fn run(&self, writer: &Writer, documents: u32) -> GenerationId {
        let base = writer.pull(&[]).await.unwrap();
        let id = publish(writer.folder(), documents).await;
        writer.push(&base, 2).await.unwrap();
        id
    }

    async fn live(&self) -> GenerationId {
        match self.bucket.look(None).await.unwrap() {
            Look::Found(published, _) => published.live,
            other @ (Look::Same | Look::Nothing) => panic!("{other:?}"),
        }
    }

    fn key(&self, name: &str) -> Key {
        Key::parse(format!("{}/{name}", self.bucket.address().prefix())).unwrap()
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        assert_eq!(self.bucket.address().provider(), Provider::File);
        Arc::new(LocalFileSystem::new())
    }
}

fn named(folder: &Path) -> GenerationId {
    current::read(folder).unwrap()
}

fn is_whole(folder: &Path, id: &GenerationId) -> bool {
    open::open_records(folder, id).is_ok()
}

#[tokio::test]
async fn what_is_published_reaches_every_reader_whole() {
    for site in sites() {
        let (one, two) = (site.reader("one"), site.reader("two"));
        assert!(matches!(
            one.start().await,
            Err(ObjectsError::Nothing { .. })
        ));
        let writer = site.writer("writer");
        let first = site.run(&writer, 3).await;
        one.start().await.unwrap();
        assert_eq!(named(one.folder()), first);

        let second = site.run(&writer, 4).await;
        one.refresh(false).await;
        two.start().await.unwrap();
        for reader in [&one, &two] {
            assert_eq!(named(reader.folder()), second);
            assert!(is_whole(reader.folder(), &second));
        }
        // A run that has nothing new changes nothing.
        let base = writer.pull(&[]).await.unwrap();
        writer.push(&base, 2).await.unwrap();
        assert_eq!(site.live().await, second);
    }
}

#[tokio::test]
async fn of_two_publishers_the_second_is_refused_and_goes_on_from_the_first() {
    for site in sites() {
        for begins_empty in [true, false] {
            let (one, two) = (site.writer("one"), site.writer("two"));
            let bases = [one.pull(&[]).await.unwrap(), two.pull(&[]).await.unwrap()];
            let first = publish(one.folder(), 3).await;
            let second = publish(two.folder(), 4).await;
            one.push(&bases[0], 2).await.unwrap();
            let refused = two.push(&bases[1], 2).await.unwrap_err();
            let told = refused.to_string();
            assert!(
                matches!(refused, ObjectsError::Moved { .. }),
                "{begins_empty}: {told}"
            );
            assert!(told.contains(first.as_str()), "{told}");
            assert_eq!(site.live().await, first);

            let base = two.pull(&[]).await.unwrap();
            assert_eq!(
                named(two.folder()),
                first,
                "not {second}, which nobody has seen"
            );
            let third = publish(two.folder(), 5).await;
            two.push(&base, 2).await.unwrap();
            assert_eq!(site.live().await, third);
        }
    }
}

#[tokio::test]
async fn what_could_not_be_published_is_published_by_the_next_run() {
    for site in sites() {
        let writer = site.writer("writer");
        site.run(&writer, 3).await;
        writer.pull(&[]).await.unwrap();
        // The run ended here: the generation is made, and the store does not know it.
        let made = publish(writer.folder(), 4).await;
        let again = site.writer("writer");
        let base = again.pull(&[]).await.unwrap();
        assert_eq!(named(again.folder()), made);
        again.push(&base, 2).await.unwrap();
        assert_eq!(site.live().await, made);
    }
}

#[tokio::test]
async fn an_upload_that_ended_half_way_is_never_seen_and_is_gone_on_with() {
    let site = sites().remove(1);
    let (store, writer) = (site.store(), site.writer("writer"));
    let first = site.run(&writer, 3).await;
    let base = writer.pull(&[]).await.unwrap();
    let made = publish(writer.folder(), 4).await;
    let put = async |name: &str| {
        let bytes = std::fs::read(writer.folder().join(name)).unwrap();
        store.put(&site.key(name), bytes.into()).await.unwrap();
    };
    put(&format!("{made}/vectors.bin")).await;
    put(&format!("{made}/texts.bin")).await;
    let reader = site.reader("reader");
    reader.start().await.unwrap();
    assert_eq!(named(reader.folder()), first);

    let key = site.key(&format!("{made}/vectors.bin"));
    let there = store.head(&key).await.unwrap().last_modified;
    writer.push(&base, 2).await.unwrap();
    assert_eq!(
        store.head(&key).await.unwrap().last_modified,
        there,
        "it was there already"
    );
    reader.refresh(false).await;
    assert_eq!(named(reader.folder()), made);
}

#[tokio::test]
async fn a_damaged_generation_is_refused_until_it_is_mended() {
    let site = sites().remove(1);
    let (store, writer) = (site.store(), site.writer("writer"));
    let first = site.run(&writer, 3).await;
    let mut names: Vec<String> = std::fs::read_dir(writer.folder().join(first.as_str()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    // What has arrived whole is kept for the next attempt, so that each file needs a reader of its own.
    let readers: Vec<Reader> = names.iter().map(|name| site.reader(name)).collect();
    for reader in &readers {
        reader.start().await.unwrap();
    }
    let second = site.run(&writer, 4).await;
    for (name, reader) in names.iter().zip(&readers) {
        let key = site.key(&format!("{second}/{name}"));
        let whole = std::fs::read(writer.folder().join(second.as_str()).join(name)).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let damages = [
            Some(flipped),
            Some(whole[..whole.len() - 1].to_vec()),
            Some([whole.as_slice(), b"x"].concat()),
            None,
        ];
        for damage in damages {
            match damage {
                Some(bytes) => drop(store.put(&key, bytes.into()).await.unwrap()),
                None => store.delete(&key).await.unwrap(),
            }
            reader.refresh(true).await;
            assert_eq!(named(reader.folder()), first, "{name}");
            assert!(!reader.folder().join(second.as_str()).exists(), "{name}");
        }
        // Who begins now gets the one before, as from a folder.
        let late = site.reader(&format!("late-{name}"));
        late.start().await.unwrap();
        assert_eq!(named(late.folder()), first, "{name}");
        store.put(&key, whole.into()).await.unwrap();
    }
    for reader in readers {
        reader.refresh(false).await;
        let told = "what was refused is let be for a while";
        assert_eq!(named(reader.folder()), first, "{told}");
        reader.refresh(true).await;
        assert_eq!(named(reader.folder()), second);
        assert!(is_whole(reader.folder(), &second));
    }
}

#[tokio::test]
async fn a_copy_that_is_damaged_on_this_machine_is_fetched_again() {
    let site = sites().remove(0);
    let id = site.run(&site.writer("writer"), 3).await;
    site.reader("reader").start().await.unwrap();
    let reader = site.reader("reader");
    let shared = site.folders.path().join("shared");
    let file = reader.folder().join(id.as_str()).join("vectors.bin");
    std::fs::hard_link(file, &shared).unwrap();
    std::fs::write(
        reader.folder().join(id.as_str()).join("vectors.bin"),
        "damage",
    )
    .unwrap();
    assert!(!is_whole(reader.folder(), &id));
    reader.start().await.unwrap();
    assert!(is_whole(reader.folder(), &id));
    // Another generation may share the file that lay there.
    assert_eq!(std::fs::read(shared).unwrap(), b"damage");
}

#[tokio::test]
async fn a_manifest_that_leads_out_of_its_folder_is_refused() {
    for name in ["../../escaped", "/escaped", ".hidden", "manifest.json", ""] {
        let site = sites().remove(0);
        let writer = site.writer("writer");
        let base = writer.pull(&[]).await.unwrap();
        let id = publish(writer.folder(), 3).await;
        change_manifest(writer.folder(), &id, |manifest| {
            name.clone_into(&mut manifest.files[0].name);
        });
        let told = writer.push(&base, 2).await.unwrap_err().to_string();
        assert!(told.contains("leaves the directory"), "{told}");
    }
    let site = sites().remove(1);
    let writer = site.writer("writer");
    let id = site.run(&writer, 3).await;
    change_manifest(writer.folder(), &id, |manifest| {
        "../../escaped".clone_into(&mut manifest.files[0].name);
    });
    for name in ["manifest.json", "manifest.b3"] {
        let bytes = std::fs::read(writer.folder().join(id.as_str()).join(name)).unwrap();
        let key = site.key(&format!("{id}/{name}"));
        site.store().put(&key, bytes.into()).await.unwrap();
    }
    let told = site.reader("reader").start().await.unwrap_err().to_string();
    assert!(told.contains("leaves the directory"), "{told}");
}

fn change_manifest(index: &Path, id: &GenerationId, change: impl FnOnce(&mut Manifest)) {
    let directory = index.join(id.as_str());
    let mut manifest = open::read_manifest(&directory, id).unwrap();
    change(&mut manifest);
    let json = serde_json::to_vec(&manifest).unwrap();
    std::fs::write(
        directory.join("manifest.b3"),
        blake3::hash(&json).to_hex().as_str(),
    )
    .unwrap();
    std::fs::write(directory.join("manifest.json"), json).unwrap();
}

#[tokio::test]
async fn a_large_file_and_many_small_ones_arrive_as_they_were() {
    for site in sites() {
        let writer = site.writer("writer");
        let base = writer.pull(&[]).await.unwrap();
        let id = publish(writer.folder(), 3).await;
        let large: Vec<u8> = (0_u32..5_000_000).flat_map(u32::to_le_bytes).collect();
        let path = writer.folder().join(id.as_str()).join("large.bin");
        std::fs::write(path, &large).unwrap();
        change_manifest(writer.folder(), &id, |manifest| {
            let mut entry = manifest.files[0].clone();
            "large.bin".clone_into(&mut entry.name);
            entry.bytes = large.len() as u64;
            entry.blake3 = blake3::hash(&large).to_hex().to_string();
            manifest.files.push(entry);
            for number in 0..100 {
                let mut entry = manifest.files[0].clone();
                entry.name = format!("small-{number}.bin");
                entry.bytes = 1;
                entry.blake3 = blake3::hash(&[number]).to_hex().to_string();
                let path = writer.folder().join(id.as_str()).join(&entry.name);
                std::fs::write(path, [number]).unwrap();
                manifest.files.push(entry);
            }
        });
        writer.push(&base, 2).await.unwrap();
        let reader = site.reader("reader");
        reader.start().await.unwrap();
        let arrived = std::fs::read(reader.folder().join(id.as_str()).join("large.bin")).unwrap();
        assert!(arrived == large);
    }
}

#[tokio::test]
async fn while_the_store_is_away_what_was_fetched_answers() {
    let site = sites().remove(0);
    let id = site.run(&site.writer("writer"), 3).await;
    site.reader("reader").start().await.unwrap();
    // Nobody listens there.
    let away = Bucket::connect(Address::parse("http://127.0.0.1:9/index").unwrap()).unwrap();
    let reader = Reader::new(away.clone(), site.folders.path().join("reader"));
    reader.start().await.unwrap();
    reader.refresh(false).await;
    assert_eq!(named(reader.folder()), id);
    let empty = Reader::new(away.clone(), site.folders.path().join("empty"));
    let error = empty.start().await.unwrap_err();
    assert!(error.is_away(), "{error}");
    assert!(
        error.to_string().contains("http://127.0.0.1:9/index"),
        "{error}"
    );
    let writer = Writer::new(away, site.folders.path().join("other"));
    assert!(matches!(
        writer.pull(&[]).await,
        Err(ObjectsError::ReadOnly { .. })
    ));
}

#[tokio::test]
async fn something_else_under_the_name_of_current_is_told_by_name() {
    let site = sites().remove(1);
    let id = site.run(&site.writer("writer"), 3).await;
    let reader = site.reader("reader");
    reader.start().await.unwrap();
    for text in ["<html>sign in</html>", "", &"x".repeat(100_000)] {
        site.store()
            .put(&site.key("CURRENT"), text.to_owned().into())
            .await
            .unwrap();
        reader.refresh(true).await;
        assert_eq!(named(reader.folder()), id);
        let told = site.reader("new").start().await.unwrap_err().to_string();
        assert!(told.contains("CURRENT"), "{told}");
    }
}

#[tokio::test]
async fn rolling_back_and_pruning_are_for_everybody() {
    for site in sites() {
        let (writer, reader) = (site.writer("writer"), site.reader("reader"));
        let mut made = Vec::new();
        for documents in 3..7 {
            made.push(site.run(&writer, documents).await);
        }
        reader.start().await.unwrap();
        let look = async || -> Workspace {
            let opened = Workspace::open(&site.bucket, writer.folder());
            opened.await.unwrap()
        };
        let workspace = look().await;
        assert_eq!(
            current::list(workspace.folder()).unwrap(),
            made[1..],
            "two are kept, and the live one"
        );
        workspace.fetch(&made[1]).await.unwrap();
        assert!(is_whole(workspace.folder(), &made[1]));
        workspace.roll_back(&made[1]).await.unwrap();
        reader.refresh(false).await;
        assert_eq!(named(reader.folder()), made[1]);
        // Who looked before this cannot change it any more.
        assert!(matches!(
            workspace.prune(0).await,
            Err(ObjectsError::Moved { .. })
        ));

        let gone = look().await.prune(0).await.unwrap();
        assert_eq!(gone, [made[3].clone(), made[2].clone()]);
        let left = look().await;
        assert_eq!(current::list(left.folder()).unwrap(), made[1..2]);
        assert!(left.fetch(&made[3]).await.is_err(), "its objects are gone");
        // The next run begins from what is live.
        let base = writer.pull(&[]).await.unwrap();
        assert_eq!(named(writer.folder()), made[1]);
        publish(writer.folder(), 9).await;
        writer.push(&base, 2).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_run_leaves_reaches_the_next_run_on_another_machine() {
    let site = sites().remove(0);
    let writer = site.writer("one");
    site.run(&writer, 3).await;
    std::fs::write(writer.folder().join("links.json"), "{\"salt\":1}").unwrap();
    std::fs::write(writer.folder().join("last-run.json"), "{\"finished_at\":7}").unwrap();
    writer.leave(&["links.json", "blocks.json"]).await;
    let other = site.writer("two");
    other.pull(&["links.json", "blocks.json"]).await.unwrap();
    let brought = std::fs::read_to_string(other.folder().join("links.json")).unwrap();
    assert_eq!(brought, "{\"salt\":1}");
    let reader = site.reader("reader");
    reader.start().await.unwrap();
    assert!(reader.folder().join("last-run.json").exists());
    assert!(
        !reader.folder().join("links.json").exists(),
        "not for servers"
    );
}
