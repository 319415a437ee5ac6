#![expect(clippy::disallowed_methods, reason = "these tests write files")]

use std::os::unix::fs::symlink;

use super::*;
use crate::control::source::Source;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own for each test, deleted with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringway-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until the file reads as `expected`, by its watch alone.
async fn until(watch: &mut FileWatch, expected: &str) {
    let source = Source::File(watch.own.clone().unwrap());
    let awaited = async {
        while source.read().map(|text| text.text).as_deref() != Ok(expected) {
            watch.changed().await;
        }
    };
    let noticed = tokio::time::timeout(PATIENCE, awaited).await;
    noticed.unwrap_or_else(|_| panic!("nobody noticed that it reads {expected:?} now"));
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_write_in_place_is_noticed() {
    run(async {
        let folder = Folder::new("write");
        let path = folder.at("a.yaml");
        fs::write(&path, "one").unwrap();
        let mut watch = FileWatch::new(Some(&path)).unwrap();
        for text in ["two", "three", "four"] {
            fs::write(&path, text).unwrap();
            until(&mut watch, text).await;
        }
    });
}

#[test]
fn a_file_renamed_over_it_is_noticed_again_and_again() {
    run(async {
        let folder = Folder::new("rename");
        let path = folder.at("a.yaml");
        fs::write(&path, "one").unwrap();
        let mut watch = FileWatch::new(Some(&path)).unwrap();
        for text in ["two", "three", "four"] {
            fs::write(folder.at("new"), text).unwrap();
            fs::rename(folder.at("new"), &path).unwrap();
            until(&mut watch, text).await;
        }
        fs::remove_file(&path).unwrap();
        tokio::time::timeout(PATIENCE, watch.changed()).await.expect("its deletion is noticed");
        fs::write(&path, "back").unwrap();
        until(&mut watch, "back").await;
    });
}

/// As the kubelet does it: `a.yaml -> ..data/a.yaml`, `..data -> ..one`, and the new `..data` is
/// renamed over the old one.
#[test]
fn a_swapped_link_of_a_config_map_is_noticed() {
    run(async {
        let folder = Folder::new("swap");
        let version = |name: &str, text: &str| {
            fs::create_dir(folder.at(name)).unwrap();
            fs::write(folder.at(name).join("a.yaml"), text).unwrap();
        };
        version("..one", "one");
        symlink("..one", folder.at("..data")).unwrap();
        symlink("..data/a.yaml", folder.at("a.yaml")).unwrap();
        let mut watch = FileWatch::new(Some(&folder.at("a.yaml"))).unwrap();
        for (last, name) in [("..one", "..two"), ("..two", "..three")] {
            version(name, name);
            symlink(name, folder.at("..new")).unwrap();
            fs::rename(folder.at("..new"), folder.at("..data")).unwrap();
            fs::remove_dir_all(folder.at(last)).unwrap();
            until(&mut watch, name).await;
        }
    });
}

#[test]
fn a_link_far_above_the_file_is_noticed() {
    run(async {
        let folder = Folder::new("above");
        for name in ["one", "two"] {
            fs::create_dir_all(folder.at(name).join("etc")).unwrap();
            fs::write(folder.at(name).join("etc/a.yaml"), name).unwrap();
        }
        symlink(folder.at("one"), folder.at("current")).unwrap();
        let mut watch = FileWatch::new(Some(&folder.at("current/etc/a.yaml"))).unwrap();
        until(&mut watch, "one").await;
        symlink("two", folder.at("new")).unwrap();
        fs::rename(folder.at("new"), folder.at("current")).unwrap();
        until(&mut watch, "two").await;
        fs::write(folder.at("two/etc/a.yaml"), "three").unwrap();
        until(&mut watch, "three").await;
    });
}

#[test]
fn reading_the_file_is_no_change() {
    run(async {
        let folder = Folder::new("read");
        let path = folder.at("a.yaml");
        fs::write(&path, "one").unwrap();
        let mut watch = FileWatch::new(Some(&path)).unwrap();
        let source = Source::File(path.clone());
        let reading = async {
            loop {
                source.read().unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = watch.changed() => panic!("a read was taken for a change"),
            _ = tokio::time::timeout(QUIET * 4, reading) => (),
        }
    });
}

#[test]
fn a_loop_of_links_ends() {
    let folder = Folder::new("loop");
    symlink("b", folder.at("a")).unwrap();
    symlink("a", folder.at("b")).unwrap();
    assert_eq!(folders(&folder.at("a")), BTreeSet::from([folder.0.clone()]));
    let error = Source::File(folder.at("a")).read().unwrap_err();
    assert!(error.starts_with(&format!("cannot read {}", folder.at("a").display())), "{error}");
}

#[test]
fn files_beside_the_configuration_are_noticed_and_forgotten() {
    run(async {
        let (folder, other) = (Folder::new("also"), Folder::new("also-other"));
        fs::create_dir_all(other.at("v1")).unwrap();
        fs::create_dir_all(other.at("v2")).unwrap();
        fs::write(other.at("v1/a.pem"), "one").unwrap();
        fs::write(other.at("v2/a.pem"), "two").unwrap();
        symlink("v1", other.at("current")).unwrap();
        fs::write(folder.at("a.yaml"), "").unwrap();
        let mut watch = FileWatch::new(Some(&folder.at("a.yaml"))).unwrap();
        watch.also(&[other.at("current/a.pem")]).unwrap();
        symlink("v2", other.at("next")).unwrap();
        fs::rename(other.at("next"), other.at("current")).unwrap();
        let noticed = tokio::time::timeout(PATIENCE, watch.changed()).await;
        assert!(noticed.is_ok(), "the link leads elsewhere");
        assert_eq!(watch.watched.len(), 3, "{:?}", watch.watched);
        watch.also(&[]).unwrap();
        assert_eq!(watch.watched.len(), 1, "{:?}", watch.watched);
    });
}
