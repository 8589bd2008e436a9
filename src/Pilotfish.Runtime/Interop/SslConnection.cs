using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// One SSL object over a BIO whose reads and writes are its owner's: libssl receives into its own record buffer and sends from it,
/// so no byte is copied on the way. Loop-affine. Must be disposed; the finalizer is a net below that.
/// </summary>
internal sealed unsafe class SslConnection : SafeHandle
{
    private const int BioRetryRead = LibCrypto.BIO_FLAGS_READ | LibCrypto.BIO_FLAGS_SHOULD_RETRY;

    private static long s_live;

    // Made by the first connection, never freed: the library holds it as long as any BIO lives.
    private static readonly nint s_bioMethod = MakeBioMethod();

    private readonly ISslOwner _owner;
    private readonly SslContext _context;
    private readonly nint _bio;
    private GCHandle _self;
    private ExceptionDispatchInfo? _thrown;
    private bool _saysRetry;
    private bool _isDead;

    private SslConnection(nint ssl, nint bio, SslContext context, ISslOwner owner)
        : base(0, ownsHandle: true)
    {
        SetHandle(ssl);
        Interlocked.Increment(ref s_live);
        (_bio, _context, _owner) = (bio, context, owner);
        // Weak: an owner that was forgotten can still be collected, and this with it.
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
        LibCrypto.BIO_set_data(bio, GCHandle.ToIntPtr(_self));
        // Safety: both directions are one BIO, whose only reference the SSL object takes over.
        LibSsl.SSL_set_bio(ssl, bio, bio);
    }

    /// <summary>SSL objects that exist. For tests of leaks.</summary>
    internal static long LiveCount => Interlocked.Read(ref s_live);

    public override bool IsInvalid => handle == 0;

    /// <summary>Where a client keeps the sessions that its server gives it.</summary>
    internal SslSessionKey SessionKey { get; set; }

    /// <summary>After <see cref="SslOutcome.TransportFailed"/>.</summary>
    internal IoError TransportError { get; private set; }

    /// <summary>After <see cref="SslOutcome.Failed"/>.</summary>
    internal OpenSslError Error { get; private set; }

    /// <summary>What a server staples to its certificate when the client asks (RFC 6066 section 8); null for nothing.</summary>
    internal byte[]? Staple { get; set; }

    private bool IsTransportEnded { get; set; }

    /// <summary>Bytes of records wait inside libssl: a read is worth trying without asking the transport.</summary>
    internal bool HasPending => LibSsl.SSL_has_pending(handle) == 1;

    internal bool IsResumed => LibSsl.SSL_session_reused(handle) == 1;

    internal bool IsTls13 => LibSsl.SSL_version(handle) == LibSsl.TLS1_3_VERSION;

    /// <summary>The NID of the key exchange's group; 0 when there was none.</summary>
    internal int GroupNid => (int)LibSsl.SSL_ctrl(handle, LibSsl.SSL_CTRL_GET_NEGOTIATED_GROUP, 0, null);

    /// <summary>Throws <see cref="System.Security.Cryptography.CryptographicException"/> when libssl has no memory for it.</summary>
    internal static SslConnection Create(SslContext context, ISslOwner owner)
    {
        bool held = false;
        try
        {
            context.DangerousAddRef(ref held);
            nint ssl = LibSsl.SSL_new(context.DangerousGetHandle());
            nint bio = ssl == 0 ? 0 : LibCrypto.BIO_new(s_bioMethod);
            if (bio == 0)
            {
                LibSsl.SSL_free(ssl);
                throw OpenSslErrors.ToException("a TLS session cannot be made");
            }

            if (context.IsServer)
            {
                LibSsl.SSL_set_accept_state(ssl);
            }
            else
            {
                LibSsl.SSL_set_connect_state(ssl);
            }

            return new SslConnection(ssl, bio, context, owner);
        }
        finally
        {
            if (held)
            {
                context.DangerousRelease();
            }
        }
    }

    /// <summary>What a client asks for, before it shakes hands.</summary>
    internal void PrepareClient(string serverName, IReadOnlyList<string> protocols, bool verifies)
    {
        if (serverName.Length > 0)
        {
            fixed (byte* name = System.Text.Encoding.ASCII.GetBytes(serverName + '\0'))
            {
                LibSsl.SSL_ctrl(handle, LibSsl.SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name);
            }
        }

        byte[] list = AlpnList.Encode(protocols);
        if (list.Length > 0)
        {
            fixed (byte* names = list)
            {
                // Fails without memory only, and then the peer hears of no protocol.
                _ = LibSsl.SSL_set_alpn_protos(handle, names, (uint)list.Length);
            }
        }

        LibSsl.SSL_set_verify(handle, verifies ? LibSsl.SSL_VERIFY_PEER : LibSsl.SSL_VERIFY_NONE, null);
        if (_context.AllowsResumption)
        {
            // A session that libssl does not take is not resumed.
            _context.Sessions.PostUse(SessionKey, session => _ = LibSsl.SSL_set_session(handle, session.DangerousGetHandle()));
        }
    }

    internal SslOutcome Handshake()
    {
        OpenSslErrors.Clear();
        return Outcome(LibSsl.SSL_do_handshake(handle));
    }

    internal SslOutcome Read(Span<byte> buffer, out int count)
    {
        OpenSslErrors.Clear();
        fixed (byte* start = buffer)
        {
            // Safety: the span is pinned and its length given; libssl writes no more.
            count = LibSsl.SSL_read(handle, start, buffer.Length);
        }

        if (count > 0)
        {
            Rethrow();
            return SslOutcome.Done;
        }

        SslOutcome outcome = Outcome(count);
        count = 0;
        return outcome;
    }

    /// <summary>One record of all the bytes, at most 16 KiB. Done or failed: the owner takes what libssl sends.</summary>
    internal SslOutcome Write(ReadOnlySpan<byte> bytes)
    {
        OpenSslErrors.Clear();
        int count;
        fixed (byte* start = bytes)
        {
            // Safety: pinned for the call; nothing of it is kept, because the BIO never asks to try again.
            count = LibSsl.SSL_write(handle, start, bytes.Length);
        }

        return Outcome(count);
    }

    /// <summary>Says close_notify. Reading may go on.</summary>
    internal void Shutdown()
    {
        if (!_isDead)
        {
            OpenSslErrors.Clear();
            // Whether the peer answered is its reader's business.
            _ = LibSsl.SSL_shutdown(handle);
            OpenSslErrors.Clear();
            Rethrow();
        }
    }

    /// <summary>Changes the sending keys and asks the peer for new ones (RFC 8446 section 4.6.3). Internal for testing.</summary>
    internal bool UpdateKeys() => LibSsl.SSL_key_update(handle, 1) == 1;

    /// <summary>Asks the client to negotiate anew (RFC 5246 section 7.4.1.1). Internal for testing.</summary>
    internal bool Renegotiate() => LibSsl.SSL_renegotiate(handle) == 1;

    /// <summary>What the server said of its ticket; 0 without one. Internal for testing.</summary>
    internal uint TicketLifetimeSeconds => (uint)LibSsl.SSL_SESSION_get_ticket_lifetime_hint(LibSsl.SSL_get_session(handle)).Value;

    /// <summary>The session's number; empty when it has none.</summary>
    internal ReadOnlySpan<byte> SessionId()
    {
        nint session = LibSsl.SSL_get_session(handle);
        uint length = 0;
        // Safety: inside the session, which the connection holds; the caller copies it at once.
        byte* id = session == 0 ? null : LibSsl.SSL_SESSION_get_id(session, &length);
        return new ReadOnlySpan<byte>(id, (int)length);
    }

    /// <summary>NIDs of the peer's kind of signature and of its hash; 0 for what it did not sign.</summary>
    internal (int Type, int Hash) PeerSignature()
    {
        int type = 0;
        int hash = 0;
        return LibSsl.SSL_get_peer_signature_type_nid(handle, &type) != 1 ? default
            : LibSsl.SSL_ctrl(handle, LibSsl.SSL_CTRL_GET_PEER_SIGNATURE_NID, 0, &hash) == 1 ? (type, hash)
            : (type, 0);
    }

    /// <summary>The IANA name of the cipher suite.</summary>
    internal string CipherSuite()
    {
        nint cipher = LibSsl.SSL_get_current_cipher(handle);
        return cipher == 0 ? "" : SslNames.Of((nint)LibSsl.SSL_CIPHER_standard_name(cipher));
    }

    /// <summary>Empty without ALPN. Valid until the connection is disposed.</summary>
    internal ReadOnlySpan<byte> ApplicationProtocol()
    {
        byte* protocol;
        uint length;
        LibSsl.SSL_get0_alpn_selected(handle, &protocol, &length);
        return new ReadOnlySpan<byte>(protocol, (int)length);
    }

    /// <summary>
    /// After a client's handshake: libssl does not tell of a ticket that a TLS 1.2 server renewed while it resumed the old one.
    /// </summary>
    internal void NoteRenewedSession()
    {
        if (!_context.IsServer && _context.AllowsResumption && IsResumed && !IsTls13)
        {
            _context.Sessions.PostAdd(SessionKey, new SslSession(LibSsl.SSL_get1_session(handle)));
        }
    }

    /// <summary>The peer's leaf in DER; null when it showed none.</summary>
    internal byte[]? PeerCertificate()
    {
        nint x509 = LibSsl.SSL_get0_peer_certificate(handle);
        return x509 == 0 ? null : Der(x509);
    }

    /// <summary>The issuers that the peer showed. Empty on a server's resumed session: tickets carry the leaf alone.</summary>
    internal List<byte[]> PeerIssuers() => Issuers(LibSsl.SSL_get_peer_cert_chain(handle), LibSsl.SSL_get0_peer_certificate(handle));

    /// <summary>Makes a client's session one that may be resumed although its connection ends without close_notify.</summary>
    internal void KeepSession()
    {
        if (!_isDead)
        {
            LibSsl.SSL_set_shutdown(handle, LibSsl.SSL_SENT_SHUTDOWN | LibSsl.SSL_RECEIVED_SHUTDOWN);
        }
    }

    protected override bool ReleaseHandle()
    {
        // Safety: frees the BIO too; no call of this object is under way, because the loop alone makes them.
        LibSsl.SSL_free(handle);
        _self.Free();
        Interlocked.Decrement(ref s_live);
        return true;
    }

    /// <summary>For callbacks: the context of the connection that libssl works on.</summary>
    internal static SslContext? ContextOf(nint ssl) => Of(LibSsl.SSL_get_rbio(ssl))?._context;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnVerify(nint store, void* argument)
    {
        const int Unspecified = 1;
        nint ssl = LibCrypto.X509_STORE_CTX_get_ex_data(store, LibSsl.SSL_get_ex_data_X509_STORE_CTX_idx());
        if (Of(LibSsl.SSL_get_rbio(ssl)) is not { } connection)
        {
            return 0;
        }

        int error = Unspecified;
        try
        {
            nint leaf = LibCrypto.X509_STORE_CTX_get0_cert(store);
            error = connection._owner.JudgePeer(Der(leaf), Issuers(LibCrypto.X509_STORE_CTX_get0_untrusted(store), leaf));
        }
        catch (Exception exception)
        {
            // Nothing may unwind through libssl; it goes on where libssl was called.
            connection._thrown = ExceptionDispatchInfo.Capture(exception);
        }

        LibCrypto.X509_STORE_CTX_set_error(store, error);
        return error == 0 ? 1 : 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnSelectProtocol(nint ssl, byte** chosen, byte* chosenLength, byte* offered, uint offeredLength, void* argument)
    {
        if (Of(LibSsl.SSL_get_rbio(ssl)) is { } connection
            && AlpnList.TrySelect(
                connection._context.ApplicationProtocols, new ReadOnlySpan<byte>(offered, (int)offeredLength), out int start, out int length))
        {
            // Safety: inside the client's list, which libssl copies from at once.
            *chosen = offered + start;
            *chosenLength = (byte)length;
            return LibSsl.SSL_TLSEXT_ERR_OK;
        }

        // Nothing in common: the handshake goes on without, as Envoy's does.
        return LibSsl.SSL_TLSEXT_ERR_NOACK;
    }

    /// <summary>The client asks for an OCSP response.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnStatusRequest(nint ssl, void* argument)
    {
        if (Of(LibSsl.SSL_get_rbio(ssl))?.Staple is not { } staple)
        {
            return LibSsl.SSL_TLSEXT_ERR_NOACK;
        }

        // Safety: libssl takes the memory over and frees it with the session.
        void* copy = LibCrypto.CRYPTO_malloc((nuint)staple.Length, null, 0);
        if (copy is null)
        {
            return LibSsl.SSL_TLSEXT_ERR_NOACK;
        }

        staple.CopyTo(new Span<byte>(copy, staple.Length));
        LibSsl.SSL_ctrl(ssl, LibSsl.SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, staple.Length, copy);
        return LibSsl.SSL_TLSEXT_ERR_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static void OnKeyLog(nint ssl, byte* line)
    {
        if (Of(LibSsl.SSL_get_rbio(ssl)) is { _context.KeyLog: { } log } connection)
        {
            // Safety: libssl's own string, alive for the call. Nothing in here throws.
            connection._owner.LogKey(log, MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line));
        }
    }

    /// <summary>1 keeps the reference that libssl hands over.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnSession(nint ssl, nint session)
    {
        if (Of(LibSsl.SSL_get_rbio(ssl)) is not { } connection)
        {
            return 0;
        }

        connection._context.Sessions.PostAdd(connection.SessionKey, new SslSession(session));
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnBioRead(nint bio, byte* buffer, nuint length, nuint* count)
    {
        *count = 0;
        if (Of(bio) is not { } connection)
        {
            return 0;
        }

        try
        {
            // Safety: libssl's own buffer, alive for the call.
            return connection.ReceiveInto(new Span<byte>(buffer, (int)Math.Min(length, int.MaxValue)), count);
        }
        catch (Exception exception)
        {
            // Nothing may unwind through libssl; it goes on where libssl was called.
            connection._thrown = ExceptionDispatchInfo.Capture(exception);
            return 0;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnBioWrite(nint bio, byte* bytes, nuint length, nuint* count)
    {
        *count = 0;
        if (Of(bio) is not { } connection)
        {
            return 0;
        }

        try
        {
            IoError error = connection._owner.SendRecords(new ReadOnlySpan<byte>(bytes, checked((int)length)));
            if (error == IoError.None)
            {
                *count = length;
                return 1;
            }

            connection.TransportError = error;
        }
        catch (Exception exception)
        {
            // Nothing may unwind through libssl; it goes on where libssl was called.
            connection._thrown = ExceptionDispatchInfo.Capture(exception);
        }

        return 0;
    }

    /// <summary>Flushing is nothing to do, and nothing else is asked of it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnBioControl(nint bio, int command, nint number, void* pointer) =>
        command == LibCrypto.BIO_CTRL_FLUSH ? 1 : 0;

    private static nint MakeBioMethod()
    {
        fixed (byte* name = "pilotfish\0"u8)
        {
            nint method = LibCrypto.BIO_meth_new(LibCrypto.BIO_get_new_index() | LibCrypto.BIO_TYPE_SOURCE_SINK, name);
            _ = LibCrypto.BIO_meth_set_read_ex(method, &OnBioRead);
            _ = LibCrypto.BIO_meth_set_write_ex(method, &OnBioWrite);
            _ = LibCrypto.BIO_meth_set_ctrl(method, &OnBioControl);
            return method;
        }
    }

    private static SslConnection? Of(nint bio) => bio == 0 || LibCrypto.BIO_get_data(bio) is not (not 0 and { } data)
        ? null
        : Unsafe.As<SslConnection?>(GCHandle.FromIntPtr(data).Target);

    private static byte[] Der(nint x509)
    {
        int length = LibCrypto.i2d_X509(x509, null);
        byte[] der = new byte[Math.Max(length, 0)];
        fixed (byte* start = der)
        {
            byte* at = start;
            _ = LibCrypto.i2d_X509(x509, &at);
        }

        return der;
    }

    private static List<byte[]> Issuers(nint stack, nint leaf)
    {
        var issuers = new List<byte[]>();
        int count = stack == 0 ? 0 : LibCrypto.OPENSSL_sk_num(stack);
        for (int i = 0; i < count; i++)
        {
            nint x509 = LibCrypto.OPENSSL_sk_value(stack, i);
            if (x509 != leaf)
            {
                issuers.Add(Der(x509));
            }
        }

        return issuers;
    }

    private int ReceiveInto(Span<byte> buffer, nuint* count)
    {
        if (_saysRetry)
        {
            LibCrypto.BIO_clear_flags(_bio, BioRetryRead);
            _saysRetry = false;
        }

        IoResult result = _owner.ReceiveRecords(buffer);
        if (result.IsOk && result.Bytes > 0)
        {
            *count = (nuint)result.Bytes;
            return 1;
        }

        // An end or a failure looks like a pause to libssl: what follows from it is for this side to say, and the session can still
        // send when its peer only stopped to do so.
        LibCrypto.BIO_set_flags(_bio, BioRetryRead);
        _saysRetry = true;
        if (result.IsOk)
        {
            IsTransportEnded = true;
        }
        else if (!result.IsWouldBlock)
        {
            TransportError = result.Error;
        }

        return 0;
    }

    private SslOutcome Outcome(int result)
    {
        if (result > 0)
        {
            Rethrow();
            return SslOutcome.Done;
        }

        int error = LibSsl.SSL_get_error(handle, result);
        GC.KeepAlive(this);
        Rethrow();
        switch (error)
        {
            case LibSsl.SSL_ERROR_WANT_READ when TransportError == IoError.None:
                return IsTransportEnded ? SslOutcome.TransportEnd : SslOutcome.WantRead;
            case LibSsl.SSL_ERROR_ZERO_RETURN:
                return SslOutcome.End;
            default:
                break;
        }

        // After any of these libssl allows no call but the freeing.
        _isDead = true;
        Error = OpenSslErrors.Take();
        return TransportError != IoError.None ? SslOutcome.TransportFailed : SslOutcome.Failed;
    }

    private void Rethrow()
    {
        if (_thrown is { } thrown)
        {
            _thrown = null;
            _isDead = true;
            thrown.Throw();
        }
    }
}
