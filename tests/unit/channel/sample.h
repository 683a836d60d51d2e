// A keyset and an attest answer that hold, for tests to break one thing at a time.
#pragma once

#include "channel/attest.h"
#include "crypto/crypto.h"
#include "evidence/simulated.h"

namespace blindai::channel {

inline constexpr UnixSeconds noon = 1'800'000'000;

inline cbor::Map sample_config() {
  return {{"engine", "worker"},
          {"isolation", "group"},
          {"batch", "group"},
          {"auth", cbor::Array{"proof"}},
          {"sandbox", cbor::Array{"rlimits", "seccomp"}},
          {"sealing", "none"},
          {"models", cbor::Value()},
          {"limits", cbor::Map{{"request_bytes", 268435456}}},
          {"metrics", crypto::sha256({})}};
}

// Everything on the server's side of a good attest, and the client's. answer() makes evidence for what stands in
// `keyset` at that time, so that changing a member changes what is signed.
struct Sample {
  crypto::Ed25519Key root = crypto::Ed25519Key::generate();
  crypto::Ed25519Key platform = crypto::Ed25519Key::generate();
  crypto::Ed25519Key session = crypto::Ed25519Key::generate();
  Keyset keyset;
  AttestRequest request;
  TlsFacts tls;
  evidence::Policy policy;
  EvidenceKind kind = EvidenceKind::fresh;

  Sample() {
    keyset.tee = "simulated";
    keyset.tls = crypto::sha256(as_bytes("leaf"));
    keyset.session = session.public_key_der();
    keyset.receipt = crypto::Ed25519Key::generate().public_key_der();
    keyset.config = sample_config();
    keyset.code = {{"blindai-server", crypto::sha256(as_bytes("server"))},
                   {"blindai-worker", crypto::sha256(as_bytes("worker"))}};
    keyset.build = "0.1.0 test";
    keyset.not_before = noon - 300;
    keyset.not_after = noon + 6 * 3600;
    crypto::fill_random(request.nonce);
    tls.leaf_spki = keyset.tls;
    tls.exporter = Bytes(32, 0x5e);
    tls.server_names = "localhost";
    policy.name = "test";
    policy.identity = evidence::Identity{"localhost", evidence::Any{}};
    policy.simulated = evidence::SimulatedAcceptance{crypto::sha256(root.public_key_der()), evidence::Any{}};
    policy.config = {{"engine", std::vector<cbor::Value>{"worker"}},
                     {"isolation", std::vector<cbor::Value>{"group"}},
                     {"batch", std::vector<cbor::Value>{"group"}},
                     {"auth", std::vector<cbor::Value>{"proof"}}};
  }

  AttestAnswer answer() const {
    AttestAnswer answer;
    answer.keyset = keyset.encode();
    const Digest id = keyset_id(answer.keyset);
    const std::vector<Bytes> nonces{crypto::random_bytes(32), copy(request.nonce), crypto::random_bytes(32)};
    const Digest value = kind == EvidenceKind::fresh ? merkle_root(nonces) : Digest{};
    if (kind == EvidenceKind::fresh) {
      answer.path = merkle_path(nonces, 1);
    }
    answer.evidence.push_back({"simulated",
                               evidence::make_simulated_evidence(root, platform, code_measurement(keyset.code),
                                                                 report_data(kind, id, value.view())),
                               {}});
    const auto signature = session.sign(session_message(id, request.nonce, tls.exporter));
    answer.session_signature = Bytes(signature.begin(), signature.end());
    return answer;
  }
};

}  // namespace blindai::channel
