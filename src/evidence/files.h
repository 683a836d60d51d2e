// Evidence and collateral as files with the names that tools of this trade use, judged or shown. No path is opened here: the
// caller gives bytes by name.
//
//   evidence     quote.bin (SGX, TDX), report.bin (SNP), simulated.cbor
//   collateral   tcb_info.json, tcb_signing_chain.pem, qe_identity.json, qe_identity_signing_chain.pem, root_ca_crl.der,
//                pck_crl.der, pck_crl_issuer_chain.pem; vek.der, ask.pem, asvk.pem, ark.pem, ark_crl.der;
//                collateral.json, the container of all of them, and certificate_table.bin, the host's table beside an SNP
//                report: a file of its own comes before what is in those
//
// Other names are ignored. No exception, no I/O; thread-safe.
#pragma once

#include <map>

#include "evidence/appraise.h"

namespace blindai::evidence {

using Files = std::map<std::string, Bytes, std::less<>>;

// The names that are looked at.
std::vector<std::string_view> file_names();

// The report of appraise() for the one piece of evidence among the files. None or two are EVIDENCE_AMBIGUOUS.
Report appraise_files(const Files& files, const Policy& policy, UnixSeconds at, CollateralCache* cache = nullptr);
// The same under a policy's text. One that is no policy is the one failed check of the report.
Report appraise_files(const Files& files, std::string_view policy_toml, UnixSeconds at,
                      CollateralCache* cache = nullptr);

// Each field of a quote, an SNP report or simulated evidence, for people: nothing in it is verified, and it says so. A
// report of version 2 does not say of which product it is; its TCB versions are read by the form of its chip id.
Parsed<json::Object> decode_evidence(ByteView data);

// What collateral holds: each item with what it is, for whom, from when and until when. Nothing is verified. An item that
// cannot be read says so in place of its dates.
json::Object describe_collateral(const Collateral& collateral);
// The collateral among the files. Refuses as bad_collateral_format.
Parsed<Collateral> collateral_of_files(const Files& files);

}  // namespace blindai::evidence
