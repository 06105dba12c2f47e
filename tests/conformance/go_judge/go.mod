module telesphor.example/judge

go 1.27

require golang.org/x/mod v0.0.0

// The test puts the note and tlog packages that the Go toolchain itself carries into this folder of
// a temporary copy: nothing is downloaded, and nothing of Go's source is kept here.
replace golang.org/x/mod => ./xmod
