// RSA keys as Google and Huawei hand them out, and a second opinion on what is signed by them.
#pragma once

#include <string>

namespace nightpost::test {

/// PKCS#8 PEM of a key of 2048 bits, made once in a run: making one takes a moment.
const std::string& rsa_pem();
const std::string& other_rsa_pem();
std::string made_rsa_pem(unsigned bits);

/// Whether that private key signed the compact JWT: by PKCS#1 v1.5, or by PSS with exactly 32 bytes of salt.
bool rs256_verifies(const std::string& jwt, const std::string& key_pem);
bool ps256_verifies(const std::string& jwt, const std::string& key_pem);

}  // namespace nightpost::test
