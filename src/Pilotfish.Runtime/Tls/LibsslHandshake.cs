using System.Formats.Asn1;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>One handshake of libssl: drives it, judges the peer, and says why it failed. Nothing of it stays with the session.</summary>
internal sealed class LibsslHandshake(TlsVerifier? verifier, X509Certificate2? localCertificate)
{
    /// <summary>X509_V_ERR_UNSPECIFIED.</summary>
    internal const int Unspecified = 1;

    private LibsslStream? _stream;
    private X509Certificate2? _peer;
    private IReadOnlyList<byte[]> _issuers = [];
    private bool _malformed;

    /// <summary>
    /// Shakes hands. What is still queued when it succeeded goes on its way beside the first exchange: a peer that sends before it
    /// reads the tickets must be heard.
    /// </summary>
    internal async ValueTask<TlsHandshake> RunAsync(LibsslStream stream, string? serverName)
    {
        _stream = stream;
        TlsHandshake? failure = null;
        while (failure is null)
        {
            SslOutcome outcome = stream.ShakeHands();
            if (outcome == SslOutcome.Done)
            {
                failure = Recheck(stream.Connection);
                if (failure is null)
                {
                    stream.Connection.NoteRenewedSession();
                    stream.Begin(FactsOf(stream.Connection, serverName));
                    return new(stream, null, TlsFailureKind.None);
                }

                break;
            }

            IoResult flushed = await stream.FlushAsync();
            if (outcome != SslOutcome.WantRead)
            {
                failure = FailureOf(stream.Connection, outcome);
                break;
            }

            IoResult readable = flushed.IsOk ? await stream.Inner.ReceiveAsync(Memory<byte>.Empty) : flushed;
            failure = readable.IsOk ? null : Failed(TlsFailureKind.Transport, TlsFailureText.Of(readable.Error));
        }

        stream.Abandon();
        return failure!.Value;
    }

    /// <summary>0 for a peer that is welcome, else the X509_V_ERR_ number (openssl/x509_vfy.h) that makes the alert.</summary>
    internal int Judge(byte[] leaf, IReadOnlyList<byte[]> issuers)
    {
        const int HasExpired = 10;
        const int UntrustedIssuer = 20;
        const int Revoked = 23;
        const int NameMismatch = 62;
        try
        {
            _peer = PeerCertificates.Of(leaf);
            _issuers = PeerIssuers.Of(issuers);
            if (verifier is null || verifier.Verify(_peer, issuers, _stream!.Loop.WallNow))
            {
                return 0;
            }
        }
        catch (Exception exception) when (exception is CryptographicException or AsnContentException or ArgumentException
            or FormatException or InvalidOperationException or NotSupportedException)
        {
            // A certificate that libssl takes and .NET does not, in its frame or in an extension that a rule reads.
            _malformed = true;
            return Unspecified;
        }

        return verifier.Refusal is not { Kind: TlsFailureKind.Chain } refusal ? NameMismatch
            : refusal.Text.Contains("expired", StringComparison.Ordinal) ? HasExpired
            : refusal.Text.Contains("revoked", StringComparison.Ordinal) ? Revoked
            : UntrustedIssuer;
    }

    /// <summary>A resumed session's peer is judged anew, as Envoy does: libssl asks nobody about it.</summary>
    private TlsHandshake? Recheck(SslConnection ssl)
    {
        if (_peer is not null)
        {
            return null;
        }

        if (ssl.PeerCertificate() is not { } leaf)
        {
            // libssl would not have come here; a session that was begun under laxer rules must not either.
            return verifier is { IsRequired: true }
                ? Failed(TlsFailureKind.NoPeerCertificate, TlsFailureText.Of(TlsFailureText.PeerDidNotReturnACertificate, TlsFailureText.NoCertificateClause))
                : null;
        }

        // A refusal without words is a refusal all the same.
        return Judge(leaf, ssl.PeerIssuers()) == 0
            ? null
            : Refused() ?? Failed(TlsFailureKind.Chain, TlsFailureText.Of(TlsFailureText.CertificateVerifyFailed));
    }

    private TlsSessionFacts FactsOf(SslConnection ssl, string? serverName)
    {
        ReadOnlySpan<byte> protocol = ssl.ApplicationProtocol();
        return new TlsSessionFacts
        {
            Protocol = ssl.IsTls13 ? SslProtocols.Tls13 : SslProtocols.Tls12,
            CipherSuite = ssl.CipherSuite(),
            ServerName = string.IsNullOrEmpty(serverName) ? null : serverName,
            ApplicationProtocol = protocol.IsEmpty ? null : Encoding.Latin1.GetString(protocol),
            PeerCertificate = _peer,
            PeerIssuers = _issuers,
            LocalCertificate = localCertificate,
            PeerCertificateValidated = _peer is not null && verifier is { IsValidated: true },
            IsResumed = ssl.IsResumed,
            Waived = verifier?.Waived ?? TlsFailureKind.None,
            Group = TlsGroups.Name(ssl.GroupNid),
            SessionId = ssl.SessionId() is { IsEmpty: false } id ? Convert.ToHexStringLower(id) : null,
            PeerSignature = SignatureOf(ssl),
        };
    }

    private static string? SignatureOf(SslConnection ssl)
    {
        (int type, int hash) = ssl.PeerSignature();
        return TlsSignatures.Name(type, hash);
    }

    private TlsHandshake FailureOf(SslConnection ssl, SslOutcome outcome)
    {
        if (Refused() is { } refused)
        {
            return refused;
        }

        switch (outcome)
        {
            case SslOutcome.TransportFailed:
                return Failed(TlsFailureKind.Transport, TlsFailureText.Of(ssl.TransportError));
            case SslOutcome.Failed:
                string text = TlsFailureText.Of(ssl.Error, out TlsFailureKind kind);
                return Failed(kind, text);
            default:
                return Failed(TlsFailureKind.Transport, TlsFailureText.ClosedText);
        }
    }

    private TlsHandshake? Refused() =>
        _malformed ? Failed(TlsFailureKind.Chain, TlsFailureText.Of(TlsFailureText.CertificateVerifyFailed, TlsChainText.Malformed))
        : verifier?.Refusal is { } refusal ? Failed(refusal.Kind, TlsFailureText.Of(refusal))
        : null;

    private static TlsHandshake Failed(TlsFailureKind kind, string text) => new(null, text, kind);
}
