//! What a chunk costs to embed, beside onnxruntime in the same run: `make bench-embedding`.
//!
//! Prints CPU milliseconds per chunk of 500 characters on one thread (medians over rounds that take
//! turns, so that a noisy neighbour disturbs both), their ratio, and chunks per second on all cores.
//! The reference is the same network without quantisation, and as onnxruntime quantises it; it needs
//! what `make bench-embedding` installs. Without that it says so.

// The figures are this program's output.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod table;

use std::error::Error;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use wattwise::embed::transformer::{ModelFiles, TransformerEmbedder};
use wattwise::embed::{Embedder as _, Passage};
use wattwise::extract::extract;
use wattwise::model::ContentKind;

use table::{Peer, cpu_seconds, median, row};

const CHUNKS: usize = 64;
const CHARACTERS: usize = 500;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let texts = texts(&root.join("data/guides"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let one = TransformerEmbedder::open(ModelFiles::shipped(), NonZeroUsize::MIN)?;
    let cores = std::thread::available_parallelism()?;
    let all = TransformerEmbedder::open(ModelFiles::shipped(), cores)?;

    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut speeds = Vec::new();
    for _ in 0..ROUNDS {
        let before = cpu_seconds()?;
        runtime.block_on(one.embed_passages(texts.clone()))?;
        ours.push((cpu_seconds()? - before) * 1e3 / texts.len() as f64);
        let start = Instant::now();
        runtime.block_on(all.embed_passages(texts.clone()))?;
        speeds.push(texts.len() as f64 / start.elapsed().as_secs_f64());
        theirs.extend(reference(&root, &texts)?);
    }

    let own = median(&mut ours);
    println!(
        "{} chunks of {CHARACTERS} characters, {ROUNDS} rounds, medians",
        texts.len()
    );
    println!("wattwise, one thread:     {own:6.1} ms CPU a chunk");
    println!(
        "wattwise, {cores} threads:      {:6.1} chunks a second",
        median(&mut speeds)
    );
    if theirs.is_empty() {
        println!("onnxruntime:              not measured: run `make bench-embedding`");
        return Ok(());
    }
    for (at, name) in ["float", "dynamic int8"].into_iter().enumerate() {
        let mut rounds: Vec<f64> = theirs.iter().map(|round| round[at]).collect();
        let reference = median(&mut rounds);
        println!("onnxruntime, {name}: {reference:6.1} ms CPU a chunk");
        println!("ratio of CPU time:        {:6.2}", own / reference);
        let name = format!("onnxruntime, {name}");
        let peer = Peer {
            name: &name,
            cost: reference,
        };
        row(
            "a chunk of 500 characters, embedded",
            own,
            "CPU ms",
            Some(&peer),
            "ratio < 1",
        );
    }
    Ok(())
}

/// Pieces of the shipped Markdown guides, in the order of their names.
fn texts(guides: &Path) -> Result<Vec<Passage>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs_err::read_dir(guides)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let document = extract(ContentKind::Markdown, &fs_err::read(file)?, None)?;
        let characters: Vec<char> = document.text.chars().collect();
        let pieces = characters.chunks_exact(CHARACTERS);
        texts.extend(pieces.map(|piece| Passage::whole(&piece.iter().collect::<String>())));
    }
    texts.truncate(CHUNKS);
    Ok(texts)
}

/// CPU milliseconds per chunk of onnxruntime, in float and with its own dynamic int8, or nothing
/// where it is not installed.
fn reference(root: &Path, texts: &[Passage]) -> Result<Option<[f64; 2]>, Box<dyn Error>> {
    let texts: Vec<&str> = texts.iter().map(|passage| passage.text.as_str()).collect();
    let mut child = Command::new("python3")
        .arg(root.join("scripts/embedding_reference.py"))
        .arg(root.join("target/reference/model"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A reference that cannot start closes its input early.
        let _ = input.write_all(&serde_json::to_vec(&texts)?);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Ok(None);
    }
    let figures: Vec<f64> = String::from_utf8(output.stdout)?
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(Some(figures.try_into().map_err(|_| "not two figures")?))
}
