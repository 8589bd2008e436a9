using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The server's handshake by SslStream.</summary>
internal static class SslStreamServer
{
    internal static async ValueTask<TlsHandshake> AcceptAsync(IByteStream inner, Func<TlsClientHello, TlsServerChoice?> choose)
    {
        var transport = new TlsTransport(inner, isServer: true);
        var ssl = new SslStream(transport, leaveInnerStreamOpen: true);
        TlsVerifier? verifier = null;
        TlsServerChoice? chosen = null;
        string? serverName = null;
        string? refusal = null;
        string? failure;
        TlsFailureKind kind = TlsFailureKind.Protocol;
        try
        {
            await ssl.AuthenticateAsServerAsync(
                (_, hello, _, _) =>
                {
                    serverName = hello.ServerName;
                    ReadOnlySpan<byte> bytes = transport.TakeHello();
                    IReadOnlyList<string> offered = ClientHelloReader.Protocols(bytes);
                    var asked = new TlsClientHello
                    {
                        ServerName = string.IsNullOrEmpty(serverName) ? null : serverName,
                        ApplicationProtocols = offered,
                        EcdsaCurves = ClientHelloReader.EcdsaCurves(bytes),
                        AsksForStaple = ClientHelloReader.AsksForStaple(bytes),
                    };
                    chosen = choose(asked);
                    if (chosen is null)
                    {
                        refusal = asked.Refusal?.Text ?? TlsServerStream.NoCertificate;
                        throw new AuthenticationException(refusal);
                    }

                    verifier = new TlsVerifier(chosen.ClientVerification, chosen.RequireClientCertificate, isServer: true);
                    return new ValueTask<SslServerAuthenticationOptions>(ToOptions(chosen, offered, verifier));
                },
                null,
                CancellationToken.None);
            failure = SslStreamSession.CheckCipher(ssl, chosen!.CipherSuites);
            if (failure is null)
            {
                return new(new SslStreamSession(inner, ssl, SslStreamSession.FactsOf(ssl, serverName, verifier!, transport.TakeFlight())), null, TlsFailureKind.None);
            }
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or InvalidOperationException
            or NotSupportedException or ArgumentException or CryptographicException or AsnContentException)
        {
            failure = SslStreamSession.FailureOf(verifier, exception, transport.TakeHello(), out kind);
            if (refusal is not null)
            {
                (failure, kind) = (refusal, TlsFailureKind.Protocol);
            }
        }

        inner.Close();
        ssl.Dispose();
        return new(null, failure, kind);
    }

    private static SslServerAuthenticationOptions ToOptions(TlsServerChoice choice, IReadOnlyList<string> offered, TlsVerifier verifier) => new()
    {
        ServerCertificateContext = choice.Certificate,
        EnabledSslProtocols = choice.Protocols,
        ApplicationProtocols = Common(choice.ApplicationProtocols, offered),
        ClientCertificateRequired = choice.ClientVerification is not null,
        CertificateChainPolicy = choice.ClientVerification?.ToPolicy(),
        RemoteCertificateValidationCallback = choice.ClientVerification is null ? null : verifier.Callback,
        AllowTlsResume = (choice.Resumption & TlsResumption.Tickets) != 0,
        AllowRenegotiation = false,
    };

    /// <summary>
    /// Ours that the client knows too. None at all means no ALPN: offering a list that does not match would make .NET send a fatal
    /// alert, where Envoy goes on without.
    /// </summary>
    private static List<SslApplicationProtocol>? Common(IReadOnlyList<string> ours, IReadOnlyList<string> offered)
    {
        List<SslApplicationProtocol>? common = null;
        foreach (string protocol in ours)
        {
            foreach (string theirs in offered)
            {
                if (string.Equals(protocol, theirs, StringComparison.Ordinal))
                {
                    (common ??= []).Add(new SslApplicationProtocol(protocol));
                }
            }
        }

        return common;
    }
}
