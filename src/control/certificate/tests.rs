use super::*;

#[test]
fn a_file_is_read_within_bounds_or_told_of() {
    let folder = std::env::temp_dir().join(format!("ringway-pem-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (small, large) = (folder.join("small"), folder.join("large"));
    fs::write(&small, "one").unwrap();
    fs::write(&large, vec![b'x'; TLS_PEM_BYTES_MAX + 9]).unwrap();
    let missing = folder.join("missing");
    let files = read(vec![small.clone(), large.clone(), missing.clone(), folder.clone()]);
    assert_eq!(files[&small].as_deref(), Ok(&b"one"[..]));
    assert_eq!(files[&large].as_ref().map(|bytes| bytes.len()), Ok(TLS_PEM_BYTES_MAX + 1));
    assert!(files[&missing].as_ref().is_err_and(|why| why.contains("No such file")));
    assert_eq!(files[&folder], Err("not a file".to_owned()));

    assert!(!changed(&files), "nothing happened");
    fs::write(&small, "two").unwrap();
    assert!(changed(&files), "another content");
    fs::write(&small, "one").unwrap();
    assert!(!changed(&files), "and back");
    fs::write(&missing, "").unwrap();
    assert!(changed(&files), "one that was not there");
    fs::remove_dir_all(&folder).unwrap();
}
