//! What must a client of HTTP/1.0 never get?

use async_trait::async_trait;
use http::Version;
use http::header::TRANSFER_ENCODING;
use pingora_core::modules::http::{HttpModule, HttpModuleBuilder, Module};
use pingora_error::Result;
use pingora_http::{RequestHeader, ResponseHeader};
use std::any::Any;

/// Takes `Transfer-Encoding` out of responses to HTTP/1.0, which does not have it (RFC 9112 §6.1): the body then ends with the connection.
/// A module, because the engine writes the field after the last filter.
#[derive(Debug, Default)]
struct NoChunks {
    is_http10: bool,
}

/// Makes one for each request.
#[derive(Debug)]
pub struct NoChunksBuilder;

impl HttpModuleBuilder for NoChunksBuilder {
    fn init(&self) -> Module {
        Box::new(NoChunks::default())
    }
}

#[async_trait]
impl HttpModule for NoChunks {
    async fn request_header_filter(&mut self, request: &mut RequestHeader) -> Result<()> {
        self.is_http10 = request.version == Version::HTTP_10;
        Ok(())
    }

    async fn response_header_filter(
        &mut self,
        response: &mut ResponseHeader,
        _end_of_stream: bool,
    ) -> Result<()> {
        if self.is_http10 {
            response.remove_header(&TRANSFER_ENCODING);
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
