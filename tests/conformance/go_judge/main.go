// Judge checks with Go's own packages what Telesphor publishes. It shares no code with it.
//
//	judge log DIR INDEX LEAFHASH [INDEX LEAFHASH ...]
//	    DIR holds `checkpoint`, `log.vkeys` (Ed25519 and ML-DSA-44, one a line) and `tile/`.
//	    The Ed25519 line is opened with x/mod/sumdb/note, the ML-DSA-44 line is verified with
//	    crypto/mldsa as c2sp.org/tlog-cosignature says, and each leaf (its hash in hex) is proved to
//	    be in the tree, from the tiles alone, with x/mod/sumdb/tlog.
//	judge witness NOTE VKEYS
//	    NOTE is a checkpoint with cosignatures, VKEYS holds the two keys of one witness (types 4 and 6):
//	    both of its lines are verified as c2sp.org/tlog-cosignature says, and state one time.
//	judge request FILE
//	    FILE holds request vectors: both signatures of each good one are verified.
//	judge seal FILE
//	    FILE holds sealing vectors: each good one is opened with crypto/hpke.
//	judge sealed SEED INFO
//	    Seals the text on standard input to the X-Wing key of SEED and writes it in hex; both
//	    arguments are in hex.
//
// It prints one line for each thing that holds and ends with 1 at the first that does not.
package main

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 2 && args[0] == "log":
		return judgeLog(args[1], args[2:])
	case len(args) == 3 && args[0] == "witness":
		return judgeWitness(args[1], args[2])
	case len(args) == 2 && args[0] == "request":
		return judgeRequests(args[1])
	case len(args) == 2 && args[0] == "seal":
		return judgeSeals(args[1])
	case len(args) == 3 && args[0] == "sealed":
		return makeSeal(args[1], args[2])
	}
	return errors.New("usage: judge log DIR INDEX LEAFHASH ... | witness NOTE VKEYS | request FILE | seal FILE | sealed SEED INFO")
}

// The log.

type treeHead struct {
	origin string
	size   int64
	root   tlog.Hash
}

func judgeLog(dir string, leaves []string) error {
	vkeys, err := readVkeys(filepath.Join(dir, "log.vkeys"))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	opened, err := openEd25519(data, vkeys[0])
	if err != nil {
		return err
	}
	head, err := parseHead(opened.Text)
	if err != nil {
		return err
	}
	fmt.Printf("ed25519 line holds: %s size %d\n", head.origin, head.size)
	seconds, err := verifyCosignature(opened, head, vkeys[1])
	if err != nil {
		return err
	}
	fmt.Printf("ml-dsa-44 line holds: time %d\n", seconds)
	return proveLeaves(dir, head, leaves)
}

func readVkeys(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != 2 {
		return nil, fmt.Errorf("log.vkeys has %d lines, not 2", len(lines))
	}
	return lines, nil
}

func openEd25519(data []byte, vkey string) (*note.Note, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return note.Open(data, note.VerifierList(verifier))
}

func parseHead(text string) (treeHead, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return treeHead{}, errors.New("the checkpoint does not have three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return treeHead{}, errors.New("the size is not a canonical number")
	}
	root, err := tlog.ParseHash(lines[2])
	return treeHead{lines[0], size, root}, err
}

// verifyCosignature finds the line of the ML-DSA-44 key and verifies it over the cosigned_message.
func verifyCosignature(opened *note.Note, head treeHead, vkey string) (uint64, error) {
	name, keyID, public, err := parseMLDSAKey(vkey)
	if err != nil {
		return 0, err
	}
	for _, line := range opened.UnverifiedSigs {
		if line.Name != name || line.Hash != keyID {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(line.Base64)
		if err != nil || len(signature) != 4+8+mldsa.MLDSA44SignatureSize {
			return 0, errors.New("the ML-DSA-44 line has the wrong size")
		}
		seconds := binary.BigEndian.Uint64(signature[4:])
		message := cosignedMessage(name, seconds, head)
		return seconds, mldsa.Verify(public, message, signature[12:], nil)
	}
	return 0, errors.New("there is no ML-DSA-44 line of the log")
}

func parseMLDSAKey(vkey string) (string, uint32, *mldsa.PublicKey, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return "", 0, nil, errors.New("not a vkey")
	}
	keyID, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return "", 0, nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) == 0 || key[0] != 6 {
		return "", 0, nil, errors.New("the second vkey is not an ML-DSA-44 key")
	}
	public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key[1:])
	return parts[0], uint32(keyID), public, err
}

func cosignedMessage(name string, seconds uint64, head treeHead) []byte {
	message := []byte("subtree/v1\n\x00")
	message = append(append(message, byte(len(name))), name...)
	message = binary.BigEndian.AppendUint64(message, seconds)
	message = append(append(message, byte(len(head.origin))), head.origin...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, uint64(head.size))
	return append(message, head.root[:]...)
}

// The witness.

func judgeWitness(path, vkeysPath string) error {
	vkeys, err := readVkeys(vkeysPath)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	verifier, err := newTimedVerifier(vkeys[0])
	if err != nil {
		return err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	fmt.Printf("timed ed25519 line holds: %s time %d\n", verifier.name, verifier.seconds)
	head, err := parseHead(opened.Text)
	if err != nil {
		return err
	}
	seconds, err := verifyCosignature(opened, head, vkeys[1])
	if err != nil {
		return err
	}
	if seconds != verifier.seconds {
		return errors.New("the two lines state different times")
	}
	fmt.Printf("ml-dsa-44 line holds: time %d\n", seconds)
	return nil
}

// timedVerifier is a note.Verifier for lines of type 4: the time, then Ed25519 over it and the text.
type timedVerifier struct {
	name    string
	keyID   uint32
	public  ed25519.PublicKey
	seconds uint64
}

func newTimedVerifier(vkey string) (*timedVerifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a vkey")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("the first vkey is not an Ed25519 cosigner's key")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	keyID := binary.BigEndian.Uint32(digest[:])
	if fmt.Sprintf("%08x", keyID) != parts[1] {
		return nil, errors.New("the key id does not follow from the key")
	}
	return &timedVerifier{name: parts[0], keyID: keyID, public: key[1:]}, nil
}

func (v *timedVerifier) Name() string    { return v.name }
func (v *timedVerifier) KeyHash() uint32 { return v.keyID }

func (v *timedVerifier) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	v.seconds = binary.BigEndian.Uint64(signature)
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", v.seconds, message)
	return ed25519.Verify(v.public, signed, signature[8:])
}

func proveLeaves(dir string, head treeHead, leaves []string) error {
	if len(leaves)%2 != 0 {
		return errors.New("each index needs a leaf hash")
	}
	tree := tlog.Tree{N: head.size, Hash: head.root}
	reader := tlog.TileHashReader(tree, &folder{dir})
	for i := 0; i < len(leaves); i += 2 {
		index, err := strconv.ParseInt(leaves[i], 10, 64)
		if err != nil {
			return err
		}
		var leaf tlog.Hash
		if n, err := hex.Decode(leaf[:], []byte(leaves[i+1])); err != nil || n != tlog.HashSize {
			return fmt.Errorf("leaf hash %d is not 32 bytes of hex", index)
		}
		proof, err := tlog.ProveRecord(head.size, index, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, head.size, head.root, index, leaf); err != nil {
			return fmt.Errorf("leaf %d: %w", index, err)
		}
		fmt.Printf("leaf %d is in the tree: %d hashes\n", index, len(proof))
	}
	return nil
}

// folder reads tiles as c2sp.org/tlog-tiles lays them out: Go's paths without the height.
type folder struct{ dir string }

func (f *folder) Height() int { return 8 }

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(path)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

// Requests.

type jwk struct{ Alg, X, Pub string }

type request struct {
	Name string
	Jwks []jwk
	Jws  string
}

func judgeRequests(path string) error {
	var vectors struct{ Good []request }
	if err := readJSON(path, &vectors); err != nil {
		return err
	}
	for _, vector := range vectors.Good {
		if err := judgeRequest(vector); err != nil {
			return fmt.Errorf("%s: %w", vector.Name, err)
		}
		fmt.Printf("request %s holds\n", vector.Name)
	}
	return nil
}

func judgeRequest(vector request) error {
	var jws struct {
		Payload    string
		Signatures []struct{ Protected, Signature string }
	}
	if err := json.Unmarshal([]byte(vector.Jws), &jws); err != nil {
		return err
	}
	if len(jws.Signatures) != 2 || len(vector.Jwks) != 2 {
		return errors.New("there are not two signatures and two keys")
	}
	for i, part := range jws.Signatures {
		signature, err := base64.RawURLEncoding.DecodeString(part.Signature)
		if err != nil {
			return err
		}
		if err := verifyHalf(vector.Jwks[i], []byte(part.Protected+"."+jws.Payload), signature); err != nil {
			return err
		}
	}
	return nil
}

func verifyHalf(key jwk, message, signature []byte) error {
	public, err := base64.RawURLEncoding.DecodeString(key.X + key.Pub)
	if err != nil {
		return err
	}
	parameters := map[string]mldsa.Parameters{"ML-DSA-65": mldsa.MLDSA65(), "ML-DSA-87": mldsa.MLDSA87()}
	if key.Alg == "Ed25519" {
		if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, message, signature) {
			return errors.New("the Ed25519 signature does not verify")
		}
		return nil
	}
	set, known := parameters[key.Alg]
	if !known {
		return fmt.Errorf("unknown algorithm %s", key.Alg)
	}
	verifier, err := mldsa.NewPublicKey(set, public)
	if err != nil {
		return err
	}
	return mldsa.Verify(verifier, message, signature, nil)
}

// Seals.

type sealed struct{ Name, Seed, Public, Info, Sealed, Plaintext string }

func judgeSeals(path string) error {
	var vectors struct{ Good []sealed }
	if err := readJSON(path, &vectors); err != nil {
		return err
	}
	for _, vector := range vectors.Good {
		if err := judgeSeal(vector); err != nil {
			return fmt.Errorf("%s: %w", vector.Name, err)
		}
		fmt.Printf("seal %s opens\n", vector.Name)
	}
	return nil
}

func judgeSeal(vector sealed) error {
	key, err := recipient(vector.Seed)
	if err != nil {
		return err
	}
	if base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()) != vector.Public {
		return errors.New("the public key of the seed is another one")
	}
	data, err := base64.RawURLEncoding.DecodeString(vector.Sealed)
	if err != nil {
		return err
	}
	opened, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(vector.Info), data)
	if err != nil {
		return err
	}
	if hex.EncodeToString(opened) != vector.Plaintext {
		return errors.New("it opens to something else")
	}
	return nil
}

func makeSeal(seed, info string) error {
	key, err := recipient(seed)
	if err != nil {
		return err
	}
	bound, err := hex.DecodeString(info)
	if err != nil {
		return err
	}
	plaintext, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	data, err := hpke.Seal(key.PublicKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), bound, plaintext)
	if err != nil {
		return err
	}
	fmt.Println(hex.EncodeToString(data))
	return nil
}

func recipient(seed string) (hpke.PrivateKey, error) {
	data, err := hex.DecodeString(seed)
	if err != nil {
		return nil, err
	}
	return hpke.MLKEM768X25519().NewPrivateKey(data)
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
