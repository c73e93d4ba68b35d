//! A connection whose client has closed its side and waits for the reply.
//!
//! To the server this looks like a client that has left, until something is written to it. hyper can
//! take it for the one or for the other (`half_close`), for all requests alike. Here it is told the
//! end only when no reply is owed: so a plain reply, which soon is there, gets out, and a stream,
//! which may cost a language model's time until somebody notices, ends with its reader.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::line::Line;

/// A stream that keeps its end back while a plain reply is owed.
pub(super) struct HalfClosed<S> {
    stream: S,
    line: Arc<Line>,
    has_ended: bool,
}

impl<S> HalfClosed<S> {
    pub(super) fn new(stream: S, line: Arc<Line>) -> Self {
        Self {
            stream,
            line,
            has_ended: false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfClosed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_ended {
            let room = buffer.remaining();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            self.has_ended = room > 0 && buffer.remaining() == room;
        }
        // hyper looks again when the reply is written.
        if self.has_ended && self.line.activity.owes_a_reply() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfClosed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
