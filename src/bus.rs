//! What control and workers say to each other.
