using System.Net.Security;
using System.Security.Authentication;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The server's side of a TLS session.</summary>
public sealed class TlsServerStream : TlsStream
{
    private TlsServerStream(IByteStream inner, SslStream ssl, TlsSessionFacts facts)
        : base(inner, ssl, facts)
    {
    }

    /// <summary>
    /// Shakes hands. <paramref name="choose"/> sees what the client asks for and gives the answer; null refuses. The caller bounds
    /// the time by closing <paramref name="inner"/>.
    /// </summary>
    public static async ValueTask<TlsHandshake<TlsServerStream>> AcceptAsync(IByteStream inner, Func<TlsClientHello, TlsServerChoice?> choose)
    {
        var transport = new TlsTransport(inner);
        var ssl = new SslStream(transport, leaveInnerStreamOpen: true);
        TlsVerifier? verifier = null;
        TlsServerChoice? chosen = null;
        string? serverName = null;
        string? failure;
        try
        {
            await ssl.AuthenticateAsServerAsync(
                (_, hello, _, _) =>
                {
                    serverName = hello.ServerName;
                    IReadOnlyList<string> offered = ClientHelloProtocols.Read(transport.TakeHello());
                    chosen = choose(new TlsClientHello
                    {
                        ServerName = string.IsNullOrEmpty(serverName) ? null : serverName,
                        ApplicationProtocols = offered,
                    }) ?? throw new AuthenticationException("No certificate serves the name that the client asks for.");
                    verifier = new TlsVerifier(chosen.ClientVerification, chosen.RequireClientCertificate);
                    return new ValueTask<SslServerAuthenticationOptions>(ToOptions(chosen, offered, verifier));
                },
                null,
                CancellationToken.None);
            failure = TlsVerifier.CheckCipher(ssl, chosen!.CipherSuites);
            if (failure is null)
            {
                return new(new TlsServerStream(inner, ssl, FactsOf(ssl, serverName, verifier!.IsValidated)), null);
            }
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or InvalidOperationException
            or NotSupportedException or ArgumentException)
        {
            failure = verifier?.Failure ?? Describe(exception);
        }

        inner.Close();
        ssl.Dispose();
        return new(null, failure);
    }

    private static SslServerAuthenticationOptions ToOptions(TlsServerChoice choice, IReadOnlyList<string> offered, TlsVerifier verifier) => new()
    {
        ServerCertificateContext = choice.Certificate,
        EnabledSslProtocols = choice.Protocols,
        ApplicationProtocols = Common(choice.ApplicationProtocols, offered),
        ClientCertificateRequired = choice.ClientVerification is not null,
        CertificateChainPolicy = choice.ClientVerification?.ToPolicy(),
        RemoteCertificateValidationCallback = choice.ClientVerification is null ? null : verifier.Callback,
        AllowTlsResume = choice.AllowResumption,
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
