//! A hub on this machine: what huggingface.co answers about models and files, and what can go wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file of the hub.
pub struct File {
    pub content: Vec<u8>,
    /// What the hub says its hash is.
    pub tag: String,
    /// After how many bytes the next download breaks off.
    pub cut: Option<usize>,
    /// Whether the length is said before the content.
    pub says_length: bool,
}

impl File {
    /// A large file, whose tag is its SHA-256.
    pub fn new(content: Vec<u8>) -> Self {
        let tag = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { content, tag, cut: None, says_length: true }
    }
}

#[derive(Default)]
struct State {
    /// By `owner/model/file`.
    files: BTreeMap<String, File>,
    /// Path and range of each request.
    requests: Vec<String>,
}

pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), address, &shared);
            }
        });
        Self { address, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn put(&self, name: &str, file: File) {
        self.state.lock().unwrap().files.insert(name.to_owned(), file);
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut File)) {
        change(self.state.lock().unwrap().files.get_mut(name).unwrap());
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, address: SocketAddr, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("range: bytes=") {
            range = Some(value.trim().to_owned());
        }
    }
    let mut state = state.lock().unwrap();
    state.requests.push(format!("{path} {}", range.as_deref().unwrap_or("-")));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["api", "models", owner, model, "revision", revision] => {
            let of_model = format!("{owner}/{model}/");
            let files: Vec<_> = state.files.keys().filter_map(|name| name.strip_prefix(&of_model)).collect();
            if files.is_empty() || revision == "gone" {
                return status(&mut stream, "401 Unauthorized", "", "");
            }
            let siblings: Vec<_> = files.iter().map(|file| format!(r#"{{"rfilename":"{file}"}}"#)).collect();
            let body = format!(r#"{{"siblings":[{}],"sha":"{COMMIT}"}}"#, siblings.join(","));
            status(&mut stream, "200 OK", "Content-Type: application/json\r\n", &body)
        }
        ["old", "name", ref rest @ ..] => {
            let location = format!("Location: /new/name/{}\r\n", rest.join("/"));
            status(&mut stream, "307 Temporary Redirect", &location, "")
        }
        ["cdn", ref name @ ..] => send(&mut stream, state.files.get_mut(&name.join("/")).unwrap(), range),
        [owner, model, "resolve", revision, ref file @ ..] => {
            let name = format!("{owner}/{model}/{}", file.join("/"));
            match state.files.get(&name) {
                Some(file) if revision != "gone" => {
                    let (tag, length) = (&file.tag, file.content.len());
                    let headers = format!(
                        "Location: http://{address}/cdn/{name}\r\nX-Repo-Commit: {COMMIT}\r\n\
                         X-Linked-Etag: \"{tag}\"\r\nX-Linked-Size: {length}\r\n"
                    );
                    status(&mut stream, "302 Found", &headers, "")
                }
                _ => status(&mut stream, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", "not found"),
            }
        }
        _ => status(&mut stream, "404 Not Found", "", ""),
    }
}

fn status(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The part of a file that was asked for, as far as the connection holds.
fn send(stream: &mut TcpStream, file: &mut File, range: Option<String>) -> std::io::Result<()> {
    let length = file.content.len();
    let range = range.unwrap_or_else(|| "0-".to_owned());
    let (start, end) = range.split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    let end = end.parse().map_or(length, |end: usize| length.min(end + 1));
    if start >= length {
        return status(
            stream,
            "416 Range Not Satisfiable",
            &format!("Content-Range: bytes */{length}\r\n"),
            "",
        );
    }
    let mut head =
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\n", end - 1);
    if file.says_length {
        let _ = write!(head, "Content-Length: {}\r\n", end - start);
    }
    write!(stream, "{head}Connection: close\r\n\r\n")?;
    // A request for the first byte alone asks for the length.
    let cut = if end == length { file.cut.take() } else { None };
    let until = cut.map_or(end, |cut| end.min(start + cut));
    stream.write_all(&file.content[start..until])
}
