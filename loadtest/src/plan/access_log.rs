//! Requests out of an access log, with their times: Ringway's own lines, and the common format of
//! other servers, with or without what is combined with it.
