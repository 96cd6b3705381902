//! Which backend, and which of its endpoints?

/// What a backend keeps across snapshots: endpoints, requests in flight, waiting requests, metric handles.
#[derive(Debug)]
pub struct BackendState {}
