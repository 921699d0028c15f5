-- One certificate and its key, from PEM to what a handshake takes. OpenSSL, which nginx is linked
-- with, says what is in them; only functions are called, so no layout of a structure is assumed.
local bit = require("bit")
local file = require("orctl.lib.file")
local ffi = require("ffi")
local json = require("orctl.lib.json")
local sha256 = require("orctl.lib.sha256")
local ssl = require("ngx.ssl")
local step = require("orctl.lib.pace").step

local _M = {}

ffi.cdef([[
  int X509_check_private_key(void *x, void *pkey);
  void *X509_get_ext_d2i(const void *x, int nid, int *crit, int *idx);
  void *X509_get_subject_name(const void *x);
  int X509_NAME_get_text_by_NID(void *name, int nid, char *buf, int len);
  int X509_digest(const void *x, const void *md, unsigned char *buf, unsigned int *len);
  const void *X509_get0_notBefore(const void *x);
  const void *X509_get0_notAfter(const void *x);
  const void *EVP_sha256(void);
  int OPENSSL_sk_num(const void *stack);
  void *OPENSSL_sk_value(const void *stack, int i);
  void *GENERAL_NAME_get0_value(const void *name, int *type);
  void GENERAL_NAMES_free(void *names);
  const unsigned char *ASN1_STRING_get0_data(const void *string);
  int ASN1_STRING_length(const void *string);
  void *ASN1_TIME_set(void *time, long seconds);
  void ASN1_STRING_free(void *string);
  int ASN1_TIME_diff(int *days, int *seconds, const void *from, const void *to);
  void ERR_clear_error(void);
  unsigned long ERR_peek_last_error(void);
  const char *ERR_reason_error_string(unsigned long e);
  int X509_certificate_type(const void *x, const void *pubkey);
  const void *TLS_server_method(void);
  void *SSL_CTX_new(const void *method);
  long SSL_CTX_ctrl(void *ctx, int cmd, long larg, void *parg);
  int SSL_CTX_use_certificate(void *ctx, void *x);
]])
local C = ffi.C

local SUBJECT_ALT_NAME, COMMON_NAME, GEN_DNS = 85, 13, 2
local MAX = 1000 -- certificates of one set
local SSL_CTRL_CHAIN, SSL_CTRL_CHAIN_CERT = 88, 89
-- Bits of X509_certificate_type() that tell the types of keys which a handshake has room for from
-- each other; RSA-PSS signs only.
local KEY_TYPES = { [0x31] = "RSA", [0x11] = "RSA-PSS", [0x58] = "ECDSA", [0x10] = "EdDSA" }
local number, size = ffi.new("int[2]"), ffi.new("unsigned int[1]")

--- Whether `text` can be a host of a certificate: a name, or `*.` and a name.
function _M.is_host(text)
  local rest = text:gsub("^%*%.", "")
  return #text <= 253 and rest:find("^[%w_][%w_.-]*$") and not rest:find("%.%.")
    and not rest:find("[.-]$") and true or false
end

--- Seconds since 1970 as RFC 3339 has them.
function _M.time_text(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

local function seconds_of(time)
  local epoch = C.ASN1_TIME_set(nil, 0)
  local ok = C.ASN1_TIME_diff(number, number + 1, epoch, time)
  C.ASN1_STRING_free(epoch)
  return ok == 1 and number[0] * 86400 + number[1] or nil
end

local function add_name(names, text)
  text = text:lower():gsub("%.$", "")
  if _M.is_host(text) and not names[text] then
    names[#names + 1], names[text] = text, true
  end
end

-- DNS names of a certificate; the common name counts only where there are none (RFC 6125, 6.4.4).
local function names_of(x509)
  local names = {}
  local list = C.X509_get_ext_d2i(x509, SUBJECT_ALT_NAME, nil, nil)
  if list ~= nil then
    for i = 0, C.OPENSSL_sk_num(list) - 1 do
      local value = C.GENERAL_NAME_get0_value(C.OPENSSL_sk_value(list, i), number)
      if number[0] == GEN_DNS then
        add_name(names, ffi.string(C.ASN1_STRING_get0_data(value), C.ASN1_STRING_length(value)))
      end
    end
    C.GENERAL_NAMES_free(list)
  end
  if not names[1] then
    local text = ffi.new("char[256]")
    local length = C.X509_NAME_get_text_by_NID(C.X509_get_subject_name(x509), COMMON_NAME, text,
      256)
    if length > 0 then add_name(names, ffi.string(text, length)) end
  end
  local plain = {}
  for i, name in ipairs(names) do plain[i] = name end
  return plain
end

local function fingerprint(x509)
  local bytes = ffi.new("unsigned char[32]")
  C.X509_digest(x509, C.EVP_sha256(), bytes, size)
  return (ffi.string(bytes, 32):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Digest by which one certificate with its key and the hosts given for it is told from another.
-- lib/model/certificates.cc computes the same.
function _M.print(hosts, certificate, key)
  return sha256.hex(table.concat(hosts, ",") .. "\n" .. certificate .. "\n" .. key)
end

-- What a handshake would say against a certificate and its chain, such as a key that is too short
-- for the security level that OpenSSL has here; nil when nothing.
local trial
local function refusal(chain)
  trial = trial or C.SSL_CTX_new(C.TLS_server_method())
  local ok = C.SSL_CTX_use_certificate(trial, C.OPENSSL_sk_value(chain, 0)) == 1
  if ok then C.SSL_CTX_ctrl(trial, SSL_CTRL_CHAIN, 0, nil) end
  for i = 1, C.OPENSSL_sk_num(chain) - 1 do
    ok = ok and C.SSL_CTX_ctrl(trial, SSL_CTRL_CHAIN_CERT, 1, C.OPENSSL_sk_value(chain, i)) == 1
  end
  if ok then
    return nil
  end
  local reason = C.ERR_reason_error_string(C.ERR_peek_last_error())
  C.ERR_clear_error()
  return reason == nil and "unknown error" or ffi.string(reason)
end

-- When the first certificate of a chain ends, of those that a handshake sends.
local function first_end(chain)
  local first
  for i = 0, C.OPENSSL_sk_num(chain) - 1 do
    local ends = seconds_of(C.X509_get0_notAfter(C.OPENSSL_sk_value(chain, i)))
    first = ends and math.min(first or ends, ends) or first
  end
  return first
end

--- What a handshake and an answer need of a certificate {name, hosts, certificate, key}, with its
-- chain and key parsed; nil, "certificate" or "key", and a reason if it cannot serve.
function _M.read(item)
  local chain, err = ssl.parse_pem_cert(item.certificate)
  if not chain then
    C.ERR_clear_error()
    return nil, "certificate", "is no certificate in PEM: " .. err
  end
  local pkey
  pkey, err = ssl.parse_pem_priv_key(item.key)
  if not pkey then
    C.ERR_clear_error()
    local locked = item.key:find("ENCRYPTED", 1, true)
    return nil, "key", locked and "is encrypted, and nginx has nobody to ask for the passphrase"
      or "is no private key in PEM: " .. err
  end
  local x509 = C.OPENSSL_sk_value(chain, 0)
  if C.X509_check_private_key(x509, pkey) ~= 1 then
    C.ERR_clear_error()
    return nil, "key", "does not belong to the certificate"
  end
  local reason = refusal(chain)
  if reason then
    return nil, "certificate", "cannot be served by this nginx: " .. reason
  end
  local from, to = seconds_of(C.X509_get0_notBefore(x509)), seconds_of(C.X509_get0_notAfter(x509))
  if not from or not to then
    return nil, "certificate", "has no readable time of validity"
  end
  local hosts = item.hosts or {}
  return {
    name = item.name, hosts = hosts, names = hosts[1] and hosts or names_of(x509),
    certificate = item.certificate, key = item.key, chain = chain, pkey = pkey,
    not_before = from, not_after = to, chain_not_after = first_end(chain),
    sha256 = fingerprint(x509),
    key_type = KEY_TYPES[bit.band(C.X509_certificate_type(x509, nil), 0xff)] or "unknown",
    print = _M.print(hosts, item.certificate, item.key),
  }
end

--- Why an entry of read() must not be taken at `now`, in seconds; nil if it may be.
function _M.time_fault(entry, now)
  if now >= entry.not_after then
    return "the certificate ended on " .. _M.time_text(entry.not_after)
  elseif now < entry.not_before then
    return "the certificate begins on " .. _M.time_text(entry.not_before)
  end
end

local function check_hosts(hosts, pointer)
  if json.type(hosts) ~= "array" or #hosts > 100 then
    return pointer, "a list of at most 100 host names is wanted"
  end
  local lower = {}
  for i, host in ipairs(hosts) do
    if type(host) ~= "string" or not _M.is_host(host) then
      return pointer .. "/" .. i - 1, "this is no host name"
    end
    lower[i] = host:lower()
  end
  return nil, lower
end

local members = { name = true, certificate = true, key = true, hosts = true }

--- An entry of read() from what a request holds at `pointer`; nil, a pointer and a reason if it
-- must not be taken, by itself or by the word of `fault_of`. `name` is the one in the path, if it
-- is there.
function _M.check_item(item, name, pointer, fault_of)
  if json.type(item) ~= "object" then
    return nil, pointer, "an object is wanted"
  end
  for member in pairs(item) do
    if not members[member] or member == "name" and name then
      return nil, pointer .. "/" .. member:gsub("[^ -~]", "?"), "this field is not known"
    end
  end
  name = name or item.name
  if type(name) ~= "string" or #name > 64 or not name:find("^[a-z][a-z0-9_-]*$") then
    return nil, pointer .. "/name", "a lower-case letter, then up to 63 of a-z, 0-9, _ and -"
  end
  for _, member in ipairs({ "certificate", "key" }) do
    if type(item[member]) ~= "string" then
      return nil, pointer .. "/" .. member, "text in PEM is wanted"
    end
  end
  local wrong, hosts = check_hosts(item.hosts or json.array(), pointer .. "/hosts")
  if wrong then
    return nil, wrong, hosts
  end
  local entry, member, reason = _M.read({ name = name, hosts = hosts,
    certificate = item.certificate, key = item.key })
  if entry then
    member, reason = "certificate", fault_of(entry)
  end
  if reason then
    return nil, pointer .. "/" .. member, reason
  end
  return entry
end

--- The same for a whole set: the list of its entries.
function _M.check_set(value, fault_of)
  local items = json.type(value) == "object" and value.items
  if json.type(items) ~= "array" or #items > MAX then
    return nil, "/items", ("a list of at most %d certificates is wanted"):format(MAX)
  end
  local entries, names = {}, {}
  for i, item in ipairs(items) do
    local pointer = "/items/" .. i - 1
    step(100)
    local entry, wrong, reason = _M.check_item(item, nil, pointer, fault_of)
    if not entry then
      return nil, wrong, reason
    elseif names[entry.name] then
      return nil, pointer .. "/name", "this name stands above"
    end
    entries[i], names[entry.name] = entry, true
  end
  return entries
end

--- The certificates of a tree, as entries of read() with the member `file`; and the list of what
-- is wrong, each text beginning with the name of a file.
function _M.read_tree(prefix)
  local entries, faults = {}, {}
  local text = file.read(prefix .. "certs.json")
  if not text then
    return entries, faults -- a tree without certificates has no such file
  end
  local list, err = json.decode(text)
  if not list then
    return entries, { "certs.json: " .. err }
  end
  for _, one in ipairs(list.certificates) do
    local item = { name = one.name, hosts = one.hosts }
    for _, member in ipairs({ "certificate", "key" }) do
      item[member], err = file.read(prefix .. one[member])
      if not item[member] then
        faults[#faults + 1] = ("%s: %s"):format(one[member], err)
      end
    end
    if item.certificate and item.key then
      local entry, member, reason = _M.read(item)
      if entry then
        entry.file = one.certificate
        entries[#entries + 1] = entry
      else
        faults[#faults + 1] = ("%s: %s"):format(one[member], reason)
      end
    end
  end
  return entries, faults
end

return _M
