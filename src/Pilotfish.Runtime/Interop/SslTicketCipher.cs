using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Interop;

/// <summary>Session tickets under keys that a configuration names (RFC 5077 section 4, as OpenSSL, BoringSSL and so Envoy make them).</summary>
internal static unsafe class SslTicketCipher
{
    private const int IvBytes = 16;
    private const uint Utf8String = 4;
    private const uint OctetString = 5;

    private const int Failed = -1;
    private const int Unknown = 0;
    private const int Ready = 1;
    private const int ReadyButOld = 2;

    /// <summary>
    /// Called for each ticket that is made (<paramref name="encrypts"/>: fills name and IV) or read. Unknown makes libssl negotiate in full.
    /// </summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnTicket(nint ssl, byte* name, byte* iv, nint cipher, nint mac, int encrypts)
    {
        if (SslConnection.ContextOf(ssl)?.TicketKeys is not { } keys)
        {
            return Failed;
        }

        // Safety: libssl's buffers of these sizes (EVP_MAX_IV_LENGTH is 16), alive for the call.
        var ticketName = new Span<byte>(name, TlsTicketKeys.NameBytes);
        if (encrypts == 1)
        {
            byte[] newest = keys.Newest;
            newest.AsSpan(0, TlsTicketKeys.NameBytes).CopyTo(ticketName);
            RandomNumberGenerator.Fill(new Span<byte>(iv, IvBytes));
            return Prepare(newest, iv, cipher, mac, encrypts: true) ? Ready : Failed;
        }

        return keys.Find(ticketName, out bool isNewest) is not { } key ? Unknown
            : !Prepare(key, iv, cipher, mac, encrypts: false) ? Failed
            : isNewest ? Ready
            : ReadyButOld;
    }

    private static bool Prepare(byte[] key, byte* iv, nint cipher, nint mac, bool encrypts)
    {
        fixed (byte* start = key)
        fixed (byte* keyName = "key\0"u8, digestName = "digest\0"u8, digest = "SHA256\0"u8)
        {
            byte* hmacKey = start + TlsTicketKeys.NameBytes;
            byte* aesKey = hmacKey + TlsTicketKeys.HmacKeyBytes;
            Parameter* parameters = stackalloc Parameter[3];
            parameters[0] = new Parameter { Key = keyName, Type = OctetString, Data = hmacKey, Size = TlsTicketKeys.HmacKeyBytes };
            parameters[1] = new Parameter { Key = digestName, Type = Utf8String, Data = digest, Size = 6 };
            parameters[2] = default;
            // Safety: both contexts copy what they are given.
            return LibCrypto.EVP_MAC_CTX_set_params(mac, parameters) == 1
                && (encrypts
                    ? LibCrypto.EVP_EncryptInit_ex(cipher, LibCrypto.EVP_aes_256_cbc(), 0, aesKey, iv)
                    : LibCrypto.EVP_DecryptInit_ex(cipher, LibCrypto.EVP_aes_256_cbc(), 0, aesKey, iv)) == 1;
        }
    }

    /// <summary>struct ossl_param_st (openssl/core.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameter
    {
        public byte* Key;
        public uint Type;
        public void* Data;
        public nuint Size;
        public nuint ReturnSize;
    }
}
