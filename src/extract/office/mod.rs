//! Packages of office programs and books: zip files with XML inside.

mod container;
pub(super) mod docx;
mod docx_parts;
pub(super) mod epub;
pub(super) mod odf;
pub(super) mod pptx;
pub(super) mod sheets;
mod table;
#[cfg(test)]
mod tests;
