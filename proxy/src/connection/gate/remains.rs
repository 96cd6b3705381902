//! What is left of a connection whose gate pingora has dropped?

use super::Transport;
use bytes::BytesMut;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a gate that pingora has shut, or dropped within a body, leaves its transport, so that the connection can end without a RST; and where
/// one that pingora drops after an answer of ours leaves it, so that the connection can go on.
#[derive(Debug, Clone, Default)]
pub struct Remains(Arc<Mutex<Option<Left>>>);

#[derive(Debug)]
pub struct Left {
    pub transport: Transport,
    /// Bytes of the next requests.
    pub ahead: BytesMut,
    /// The last request was answered, and its body was read to its end.
    pub is_whole: bool,
}

impl Remains {
    pub fn leave(&self, left: Left) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    }

    /// Locked at the end of a connection, and of a request that failed, only.
    pub fn take(&self) -> Option<Transport> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.take().map(|left| left.transport)
    }

    /// Only what may go on.
    pub fn take_whole(&self) -> Option<Left> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.take_if(|left| left.is_whole)
    }
}
