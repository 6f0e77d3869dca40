//! Just enough HTTP/1.1, by hand: a server that must be able to break every rule of it.

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Longest body of a call, in bytes.
pub(super) const MAX_CALL_BYTES: usize = 64 * 1024;
/// Longest body of a control request, in bytes: some tens of thousands of sellers.
const MAX_CONTROL_BYTES: usize = 16 * 1024 * 1024;

/// What all paths of the control surface begin with.
pub(super) const CONTROL_PREFIX: &str = "/_fake/";

/// A request, whole.
pub(super) struct HttpRequest {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) keep_alive: bool,
}

/// Why there is no request.
pub(super) enum NoRequest {
    /// The client left.
    Left,
    /// It is answered with this status, and the connection is closed.
    Refused(u16, &'static str),
}

impl HttpRequest {
    /// The value of the first header called `name` (lower case).
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, as it stands there.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Reads the next request. `buffer` keeps what was read beyond it.
pub(super) async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Result<HttpRequest, NoRequest> {
    loop {
        if let Some((mut request, head, length)) = parse_head(buffer)? {
            while buffer.len() < head + length {
                fill(stream, buffer).await?;
            }
            request.body = buffer[head..head + length].to_vec();
            buffer.drain(..head + length);
            return Ok(request);
        }
        if buffer.len() > MAX_HEAD_BYTES {
            return Err(NoRequest::Refused(431, "the head is too long"));
        }
        fill(stream, buffer).await?;
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), NoRequest> {
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => Err(NoRequest::Left),
        Ok(_) => Ok(()),
    }
}

/// The request without its body, the head's length and the body's; none while the head is not whole.
fn parse_head(buffer: &[u8]) -> Result<Option<(HttpRequest, usize, usize)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NoRequest::Refused(400, "the head is not HTTP")),
    };
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let request = HttpRequest {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers,
        body: Vec::new(),
        keep_alive: parsed.version == Some(1),
    };
    if request.header("transfer-encoding").is_some() {
        return Err(NoRequest::Refused(411, "the body has no length"));
    }
    let length = match request.header("content-length") {
        Some(length) => length.parse().map_err(|_| NoRequest::Refused(400, "the length is no number"))?,
        None => 0,
    };
    let most = if request.target.starts_with(CONTROL_PREFIX) { MAX_CONTROL_BYTES } else { MAX_CALL_BYTES };
    if length > most {
        return Err(NoRequest::Refused(413, "the body is too long"));
    }
    let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some((HttpRequest { keep_alive: request.keep_alive && !close, ..request }, head, length)))
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
    }

    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json;charset=utf-8", body.to_string())
    }

    pub(super) fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/html;charset=utf-8", body)
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The whole answer in one piece, so that it is one write.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(self.body.len());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The head of an answer whose body has `length` bytes.
    pub(super) fn head(&self, length: usize) -> Vec<u8> {
        let mut head = Vec::with_capacity(512 + self.body.len());
        head.extend_from_slice(format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).as_bytes());
        for (name, value) in &self.headers {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        head
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
