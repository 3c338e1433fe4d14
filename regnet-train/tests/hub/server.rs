//! A hub on this machine: what huggingface.co answers about models and files, and what hostile or broken servers do.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha1::{Digest, Sha1};
use sha2::Sha256;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The download breaks off after so many bytes.
    Cut(usize),
    /// The length is not said before the content, which ends after so many bytes.
    ShortWithoutLength(usize),
    /// The content never ends, and its length is not said.
    Endless,
    /// The content is longer than was announced, and its length is said.
    Longer,
    /// What is sent is compressed, though nobody asked for that.
    Gzip,
    /// The question about the file is redirected to itself, by its path.
    AskLoop,
    /// The download is redirected to itself, by its address.
    DownloadLoop,
    /// The question is never answered.
    Silent,
    /// The answer's head comes byte by byte, without end.
    EndlessHead,
    /// After some bytes nothing comes any more.
    Stall,
    /// A byte comes now and then.
    Drip,
    /// A file of a petabyte is announced.
    Huge,
    /// The list of files never ends.
    EndlessListing,
}

/// A file of the hub.
pub struct File {
    pub content: Vec<u8>,
    /// What the hub says its hash is.
    pub tag: String,
    pub fault: Option<Fault>,
}

impl File {
    /// A large file, whose tag is its SHA-256.
    pub fn new(content: Vec<u8>) -> Self {
        let tag = hex(&Sha256::digest(&content));
        Self { content, tag, fault: None }
    }

    /// A small file, whose tag is git's hash.
    pub fn small(content: Vec<u8>) -> Self {
        let mut hash = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
        hash.update(&content);
        let tag = hex(&hash.finalize());
        Self { content, tag, fault: None }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct State {
    /// By `owner/model/file`.
    files: BTreeMap<String, File>,
    /// Method and path of each request, and the token that it showed.
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
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                // A client that has hung up ends it.
                thread::spawn(move || answer(stream.unwrap(), address, &state).is_ok());
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
    let request = line.rsplit_once(' ').map_or("", |(request, _)| request).to_owned();
    let mut token = String::new();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(("authorization", value)) = line.to_lowercase().trim().split_once(": ") {
            token = format!(" {value}");
        }
    }
    let Some((_, path)) = request.split_once(' ') else { return Ok(()) };
    let (address, own) = (format!("http://{address}"), format!("Location: {path}\r\n"));
    let mut state = state.lock().unwrap();
    state.requests.push(format!("{request}{token}"));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["api", "models", owner, model, "revision", revision] => {
            let of_model = format!("{owner}/{model}/");
            let mut files = state.files.iter().filter(|(name, _)| name.starts_with(&of_model)).peekable();
            if files.peek().is_none() || revision == "gone" {
                return status(&mut stream, "401 Unauthorized", "", "");
            }
            let mut siblings = Vec::new();
            let mut endless = false;
            for (name, file) in files {
                siblings.push(format!(r#"{{"rfilename":"{}"}}"#, &name[of_model.len()..]));
                endless |= file.fault == Some(Fault::EndlessListing);
            }
            drop(state);
            if endless {
                return forever(
                    &mut stream,
                    "HTTP/1.1 200 OK\r\n\r\n{\"siblings\":[",
                    b"{\"rfilename\":\"a\"},",
                );
            }
            let body = format!(r#"{{"siblings":[{}],"sha":"{COMMIT}"}}"#, siblings.join(","));
            status(&mut stream, "200 OK", "Content-Type: application/json\r\n", &body)
        }
        ["old", "name", ref rest @ ..] => {
            let location = format!("Location: /new/name/{}\r\n", rest.join("/"));
            status(&mut stream, "307 Temporary Redirect", &location, "")
        }
        ["cdn", ref name @ ..] => {
            let file = state.files.get_mut(&name.join("/")).unwrap();
            let (content, fault) = (file.content.clone(), file.fault);
            if matches!(fault, Some(Fault::Cut(_) | Fault::ShortWithoutLength(_))) {
                file.fault = None;
            }
            drop(state);
            send(&mut stream, &content, fault, &format!("Location: {address}{path}\r\n"))
        }
        [owner, model, "resolve", revision, ref file @ ..] => {
            let name = format!("{owner}/{model}/{}", file.join("/"));
            let Some(File { content, tag, fault }) = state.files.get(&name).filter(|_| revision != "gone")
            else {
                return status(&mut stream, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", "not found");
            };
            let length = if *fault == Some(Fault::Huge) { 1 << 50 } else { content.len() };
            let said =
                format!("X-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{tag}\"\r\nX-Linked-Size: {length}\r\n");
            let fault = *fault;
            drop(state);
            match fault {
                Some(Fault::AskLoop) => status(&mut stream, "302 Found", &own, ""),
                Some(Fault::Silent) => loop {
                    thread::sleep(Duration::from_secs(60));
                },
                Some(Fault::EndlessHead) => forever(&mut stream, "HTTP/1.1 200 OK\r\nX-More: ", b"a"),
                _ => {
                    status(&mut stream, "302 Found", &format!("Location: {address}/cdn/{name}\r\n{said}"), "")
                }
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

/// Sends `piece` again and again, until the client hangs up.
fn forever(stream: &mut TcpStream, head: &str, piece: &[u8]) -> std::io::Result<()> {
    write!(stream, "{head}")?;
    loop {
        stream.write_all(piece)?;
        if piece.len() == 1 {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn send(stream: &mut TcpStream, content: &[u8], fault: Option<Fault>, own: &str) -> std::io::Result<()> {
    let without_length = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let with = |length: usize, headers: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n")
    };
    let (head, sent) = match fault {
        Some(Fault::Endless) => return forever(stream, without_length, &[0; 1 << 16]),
        Some(Fault::DownloadLoop) => return status(stream, "302 Found", own, ""),
        Some(Fault::Longer) => return forever(stream, &with(1 << 40, ""), &[0; 1 << 16]),
        Some(Fault::Drip) => return forever(stream, &with(content.len(), ""), &[0]),
        Some(Fault::ShortWithoutLength(length)) => (without_length.to_owned(), length),
        Some(Fault::Cut(length)) => (with(content.len(), ""), length),
        Some(Fault::Stall) => (with(content.len(), ""), 100),
        Some(Fault::Gzip) => (with(content.len(), "Content-Encoding: gzip\r\n"), content.len()),
        _ => (with(content.len(), ""), content.len()),
    };
    stream.write_all(head.as_bytes())?;
    stream.write_all(&content[..sent])?;
    if fault == Some(Fault::Stall) {
        thread::sleep(Duration::from_secs(60));
    }
    Ok(())
}
