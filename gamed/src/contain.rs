//! Panics that cost one game and not the process.
//!
//! Owns the difference: what panics within [`contained`] comes back as an error. Anywhere else a panic ends the process, once
//! [`abort_elsewhere`] was called: a server that lost a part of itself is of no use, and the others take its games over.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

/// Of a panic's message, bytes that are told.
const MESSAGE_BYTES: usize = 500;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
    /// Where the last contained panic was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic that nobody contains ends the process, on whichever thread it is.
pub fn abort_elsewhere() {
    let tell = take_hook();
    set_hook(Box::new(move |panic| {
        if CONTAINED.get() {
            PLACE.set(panic.location().map(ToString::to_string));
            return;
        }
        tell(panic);
        std::process::abort();
    }));
}

/// Does that. What it has changed is to be dropped if it fails.
///
/// # Errors
/// The panic's message, and where it was as far as that is known.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CONTAINED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    done.map_err(|panic| {
        let mut message = message(&*panic).to_owned();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        match PLACE.take() {
            Some(place) => format!("a panic at {place}: {message}"),
            None => format!("a panic: {message}"),
        }
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contained_panic_is_an_error_with_its_message() {
        assert_eq!(contained(|| 7), Ok(7));
        let failed: Result<(), String> = contained(|| panic!("no tank {}", 3));
        assert!(failed.as_ref().is_err_and(|why| why.ends_with(": no tank 3")), "{failed:?}");
        let long: Result<(), String> = contained(|| panic!("{}", "ä".repeat(MESSAGE_BYTES)));
        assert!(long.is_err_and(|why| why.len() < MESSAGE_BYTES + 100));
    }
}
