//! Starts the control thread and the workers, and joins them.
