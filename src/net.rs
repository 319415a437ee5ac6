//! The facade over the runtime: nothing outside this folder names it.
