//! HTTP: read-only, bounded in size, time and number.

mod answer;
mod connection;
mod listen;
mod page;
mod query;
mod tls;
mod token;
mod window;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use tokio::{sync::Semaphore, task::JoinHandle};

use super::{core::Core, options::Http};
pub use listen::ServeError;
pub use token::digest;

/// What all connections share.
struct Shared {
    core: Rc<RefCell<Core>>,
    options: Http,
    tls: Option<tokio_rustls::TlsAcceptor>,
    /// A permit a connection.
    room: Arc<Semaphore>,
}

/// Listening until it is dropped.
pub struct Server {
    tasks: Vec<JoinHandle<()>>,
    /// Where it can be reached.
    pub places: Vec<String>,
}

impl Server {
    /// Listens as the options say. Runs on the thread's `LocalSet`.
    ///
    /// # Errors
    ///
    /// An address cannot be had, or a certificate not be used.
    pub fn start(core: &Rc<RefCell<Core>>, options: &Http) -> Result<Self, ServeError> {
        let tls = options.tls.as_ref().map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Rc::new(Shared {
            core: Rc::clone(core),
            options: options.clone(),
            tls,
            room: Arc::new(Semaphore::new(options.connections)),
        });
        let mut server = Self { tasks: Vec::new(), places: Vec::new() };
        for &address in &options.listen {
            let (listener, bound) = listen::tcp(address)?;
            server.places.push(format!("{scheme}://{bound}/"));
            server.tasks.push(tokio::task::spawn_local(listen::accept_tcp(Rc::clone(&shared), listener)));
        }
        if let Some(path) = &options.socket {
            let listener = listen::unix(path)?;
            server.places.push(format!("unix:{}", path.display()));
            server.tasks.push(tokio::task::spawn_local(listen::accept_unix(Rc::clone(&shared), listener)));
        }
        Ok(server)
    }
}

impl Server {
    /// Listens no more; connections end in their own time.
    pub async fn stop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // The address is free once the task is gone.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Whether a certificate and a key can be served with.
pub fn check_tls(chain: &std::path::Path, key: &std::path::Path) -> Result<(), ServeError> {
    tls::acceptor(chain, key).map(drop)
}
