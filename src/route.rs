//! Where a request goes: a table compiled at load.
