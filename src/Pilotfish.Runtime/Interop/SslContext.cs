using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// An SSL_CTX: certificate, versions, ciphers, ticket keys. Made once per configuration and shared by every loop (libssl locks it
/// where it must); sessions hold it beyond its owner, so that a replaced one goes with its last connection.
/// </summary>
internal sealed unsafe class SslContext : SafeHandle
{
    // AES-128 first, as BoringSSL chooses it where the processor has AES: cheaper than 256, and no weaker in practice.
    private static ReadOnlySpan<byte> SuitesOfTls13 => "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\0"u8;

    // Envoy's default list (envoy api, tls_params.cipher_suites, the builds without FIPS).
    private static ReadOnlySpan<byte> SuitesOfTls12 =>
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:"u8 +
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384\0"u8;

    /// <summary>Bytes of certificates that a peer may show: some fifty usual ones. libssl refuses a longer list as it comes.</summary>
    private const int CertificateListBytesMax = 64 * 1024;

    private static ReadOnlySpan<byte> AesSuitesOfTls13 => "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384\0"u8;

    /// <summary>Sessions of TLS 1.2 clients without tickets that a server remembers.</summary>
    private const int StatefulSessionsMax = 1024;

    private static long s_live;

    private SslContext(nint handle, SslContextSettings settings)
        : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        Interlocked.Increment(ref s_live);
        IsServer = settings.IsServer;
        ApplicationProtocols = AlpnList.Encode(settings.ApplicationProtocols);
        AllowsResumption = settings.Resumption != TlsResumption.None;
        AllowsRenegotiation = settings.AllowRenegotiation;
        KeyLog = settings.KeyLog;
        Sessions = new SslSessionStore(settings.SessionsMax);
        TicketKeys = settings.TicketKeys;
    }

    /// <summary>Contexts that exist. For tests of leaks.</summary>
    internal static long LiveCount => Interlocked.Read(ref s_live);

    public override bool IsInvalid => handle == 0;

    internal bool IsServer { get; }

    internal bool AllowsResumption { get; }

    internal bool AllowsRenegotiation { get; }

    internal SessionKeyLog? KeyLog { get; }

    /// <summary>A server's, in wire format.</summary>
    internal byte[] ApplicationProtocols { get; }

    /// <summary>A server's, when others have them too.</summary>
    internal TlsTicketKeys? TicketKeys { get; }

    /// <summary>A client's.</summary>
    internal SslSessionStore Sessions { get; }

    /// <summary>Throws <see cref="CryptographicException"/> when libssl refuses something of it.</summary>
    internal static SslContext Create(SslContextSettings settings)
    {
        nint ctx = LibSsl.SSL_CTX_new(settings.IsServer ? LibSsl.TLS_server_method() : LibSsl.TLS_client_method());
        if (ctx == 0)
        {
            throw OpenSslErrors.ToException("a TLS context cannot be made");
        }

        var context = new SslContext(ctx, settings);
        try
        {
            context.Apply(settings);
            return context;
        }
        catch
        {
            // Whatever was refused: the half-made context must not stay.
            context.Dispose();
            throw;
        }
    }

    protected override bool ReleaseHandle()
    {
        // Safety: the last reference of this side; SSL objects keep the context alive by references of their own.
        LibSsl.SSL_CTX_free(handle);
        Interlocked.Decrement(ref s_live);
        return true;
    }

    private void Apply(SslContextSettings settings)
    {
        const long Modes = LibSsl.SSL_MODE_RELEASE_BUFFERS | LibSsl.SSL_MODE_NO_AUTO_CHAIN | LibSsl.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
        Control(LibSsl.SSL_CTRL_MODE, Modes);

        // One receive takes the header and the body of a record, and what follows them.
        Control(LibSsl.SSL_CTRL_SET_READ_AHEAD, 1);
        Control(LibSsl.SSL_CTRL_SET_MAX_CERT_LIST, CertificateListBytesMax);
        LibSsl.SSL_CTX_set_options(handle, LibSsl.SSL_OP_NO_COMPRESSION
            | (settings.AllowRenegotiation ? 0 : LibSsl.SSL_OP_NO_RENEGOTIATION)
            | (settings.PreferClientCiphers ? 0 : LibSsl.SSL_OP_CIPHER_SERVER_PREFERENCE)
            | ((settings.Resumption & TlsResumption.Tickets) != 0 ? 0 : LibSsl.SSL_OP_NO_TICKET));
        ApplyParameters(settings);
        if (settings.Certificate is { } certificate)
        {
            ApplyCertificate(certificate);
        }

        LibSsl.SSL_CTX_set_cert_verify_callback(handle, &SslConnection.OnVerify, null);
        if (settings.KeyLog is not null)
        {
            LibSsl.SSL_CTX_set_keylog_callback(handle, &SslConnection.OnKeyLog);
        }

        if (settings.IsServer)
        {
            ApplyServer(settings);
        }
        else if (AllowsResumption)
        {
            Control(LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_CLIENT | LibSsl.SSL_SESS_CACHE_NO_INTERNAL);
            LibSsl.SSL_CTX_sess_set_new_cb(handle, &SslConnection.OnSession);
        }
        else
        {
            Control(LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_OFF);
        }
    }

    private void ApplyServer(SslContextSettings settings)
    {
        LibSsl.SSL_CTX_set_alpn_select_cb(handle, &SslConnection.OnSelectProtocol, null);
        LibSsl.SSL_CTX_callback_ctrl(handle, LibSsl.SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, &SslConnection.OnStatusRequest);
        ApplyResumption(settings);

        byte[] rules = RulesOf(settings);
        fixed (byte* id = rules)
        {
            _ = LibSsl.SSL_CTX_set_session_id_context(handle, id, (uint)rules.Length);
        }

        if (settings.ClientAuthorities is { } authorities)
        {
            LibSsl.SSL_CTX_set_verify(
                handle,
                LibSsl.SSL_VERIFY_PEER | (settings.RequireClientCertificate ? LibSsl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                null);
            foreach (X509Certificate2 authority in authorities)
            {
                WithX509(authority, static (ctx, x509) => LibSsl.SSL_CTX_add_client_CA(ctx, x509));
            }
        }
    }

    private void ApplyResumption(SslContextSettings settings)
    {
        bool hasTickets = (settings.Resumption & TlsResumption.Tickets) != 0;
        if ((settings.Resumption & TlsResumption.SessionIds) != 0)
        {
            Control(LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_SERVER);
            Control(LibSsl.SSL_CTRL_SET_SESS_CACHE_SIZE, StatefulSessionsMax);
        }
        else
        {
            Control(LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_OFF);
        }

        if (!hasTickets)
        {
            // Under TLS 1.3 libssl would send tickets that number sessions of its cache.
            _ = LibSsl.SSL_CTX_set_num_tickets(handle, 0);
        }
        else if (settings.TicketKeys is not null)
        {
            _ = LibSsl.SSL_CTX_set_tlsext_ticket_key_evp_cb(handle, &SslTicketCipher.OnTicket);
        }

        if (settings.SessionSeconds is { } seconds)
        {
            _ = LibSsl.SSL_CTX_set_timeout(handle, (nint)seconds);
        }
    }

    /// <summary>
    /// What a session may be resumed under. Its own ticket keys bind it to this context; keys that others have too must not carry it
    /// to a context that asks for certificates when this one did not, or trusts others.
    /// </summary>
    private static byte[] RulesOf(SslContextSettings settings)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([(byte)(settings.ClientAuthorities is null ? 0 : 1), (byte)(settings.RequireClientCertificate ? 1 : 0)]);
        foreach (X509Certificate2 authority in settings.ClientAuthorities ?? [])
        {
            hash.AppendData(authority.RawDataMemory.Span);
        }

        return hash.GetHashAndReset();
    }

    private void ApplyParameters(SslContextSettings settings)
    {
        bool tls12 = (settings.Protocols & SslProtocols.Tls12) != 0;
        bool tls13 = (settings.Protocols & SslProtocols.Tls13) != 0;
        if (tls12 && !TrySetCiphers(settings.CipherSuites))
        {
            // None of the suites exists here: then nobody can agree on TLS 1.2 with this side.
            tls12 = false;
            if (!tls13)
            {
                throw new CryptographicException(TlsFailureText.Of(TlsFailureText.NoSharedCipher));
            }
        }

        fixed (byte* suites = settings.IsAesOnly ? AesSuitesOfTls13 : SuitesOfTls13)
        {
            // A library without one of them keeps its own list.
            _ = LibSsl.SSL_CTX_set_ciphersuites(handle, suites);
        }

        Control(LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, tls12 ? LibSsl.TLS1_2_VERSION : LibSsl.TLS1_3_VERSION);
        Control(LibSsl.SSL_CTRL_SET_MAX_PROTO_VERSION, tls13 ? LibSsl.TLS1_3_VERSION : LibSsl.TLS1_2_VERSION);
        SetList(LibSsl.SSL_CTRL_SET_GROUPS_LIST, settings.Groups);
        SetList(LibSsl.SSL_CTRL_SET_SIGALGS_LIST, settings.SignatureAlgorithms);
        OpenSslErrors.Clear();
    }

    private bool TrySetCiphers(IReadOnlyCollection<string>? ianaNames)
    {
        if (ianaNames is null)
        {
            fixed (byte* list = SuitesOfTls12)
            {
                return LibSsl.SSL_CTX_set_cipher_list(handle, list) == 1;
            }
        }

        var names = new StringBuilder();
        foreach (string iana in ianaNames)
        {
            fixed (byte* standard = Encoding.ASCII.GetBytes(iana + '\0'))
            {
                string name = Marshal.PtrToStringUTF8((nint)LibSsl.OPENSSL_cipher_name(standard)) ?? "";
                if (name.Length > 0 && name[0] != '(')
                {
                    names.Append(names.Length == 0 ? "" : ":").Append(name);
                }
            }
        }

        fixed (byte* list = Encoding.ASCII.GetBytes(names.Append('\0').ToString()))
        {
            return names.Length > 1 && LibSsl.SSL_CTX_set_cipher_list(handle, list) == 1;
        }
    }

    /// <summary>A name that this library does not know is left out; when it knows none its own list stays.</summary>
    private void SetList(int command, IReadOnlyList<string> names)
    {
        string known = "";
        foreach (string name in names)
        {
            string tried = known.Length == 0 ? name : known + ":" + name;
            fixed (byte* list = Encoding.ASCII.GetBytes(tried + '\0'))
            {
                if (LibSsl.SSL_CTX_ctrl(handle, command, 0, list) == 1)
                {
                    known = tried;
                }
            }
        }
    }

    private void ApplyCertificate(SslStreamCertificateContext certificate)
    {
        WithX509(certificate.TargetCertificate, static (ctx, x509) => LibSsl.SSL_CTX_use_certificate(ctx, x509));
        foreach (X509Certificate2 issuer in certificate.IntermediateCertificates)
        {
            // 1: the context takes a reference of its own.
            WithX509(issuer, static (ctx, x509) => (int)LibSsl.SSL_CTX_ctrl(ctx, LibSsl.SSL_CTRL_CHAIN_CERT, 1, (void*)x509));
        }

        byte[] der = PrivateKey(certificate.TargetCertificate);
        try
        {
            fixed (byte* start = der)
            {
                byte* at = start;
                nint key = LibCrypto.d2i_AutoPrivateKey(0, &at, der.Length);
                bool taken = key != 0 && LibSsl.SSL_CTX_use_PrivateKey(handle, key) == 1
                    && LibSsl.SSL_CTX_check_private_key(handle) == 1;
                // Safety: the context has its own reference now; freeing null is allowed.
                LibCrypto.EVP_PKEY_free(key);
                if (!taken)
                {
                    throw OpenSslErrors.ToException("the private key cannot be used");
                }
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static byte[] PrivateKey(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
        return key?.ExportPkcs8PrivateKey() ?? throw new CryptographicException("the certificate's key is neither RSA nor EC");
    }

    private void WithX509(X509Certificate2 certificate, Func<nint, nint, int> use)
    {
        byte[] der = certificate.RawData;
        fixed (byte* start = der)
        {
            byte* at = start;
            nint x509 = LibCrypto.d2i_X509(0, &at, der.Length);
            bool taken = x509 != 0 && use(handle, x509) == 1;
            // Safety: whoever used it took a reference; freeing null is allowed.
            LibCrypto.X509_free(x509);
            if (!taken)
            {
                throw OpenSslErrors.ToException("a certificate cannot be used");
            }
        }
    }

    private void Control(int command, long number) => LibSsl.SSL_CTX_ctrl(handle, command, (nint)number, null);
}
