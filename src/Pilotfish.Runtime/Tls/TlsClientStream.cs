using System.Net.Security;
using System.Security.Authentication;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The client's side of a TLS session.</summary>
public sealed class TlsClientStream : TlsStream
{
    private TlsClientStream(IByteStream inner, SslStream ssl, TlsSessionFacts facts)
        : base(inner, ssl, facts)
    {
    }

    /// <summary>Shakes hands. The caller bounds the time by closing <paramref name="inner"/>.</summary>
    public static async ValueTask<TlsHandshake<TlsClientStream>> ConnectAsync(IByteStream inner, TlsClientOptions options)
    {
        var transport = new TlsTransport(inner, isServer: false);
        var ssl = new SslStream(transport, leaveInnerStreamOpen: true);
        var verifier = new TlsVerifier(options.ServerVerification, required: options.ServerVerification is not null, isServer: false);
        string? failure;
        TlsFailureKind kind = TlsFailureKind.Protocol;
        try
        {
            await ssl.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = options.ServerName,
                    ApplicationProtocols = options.ApplicationProtocols.Count == 0 ? null : ToProtocols(options.ApplicationProtocols),
                    ClientCertificateContext = options.Certificate,
                    EnabledSslProtocols = options.Protocols,
                    CertificateChainPolicy = options.ServerVerification?.ToPolicy(),
                    RemoteCertificateValidationCallback = verifier.Callback,
                    AllowTlsResume = options.AllowResumption,
                    AllowRenegotiation = false,
                },
                CancellationToken.None);
            failure = TlsVerifier.CheckCipher(ssl, options.CipherSuites);
            if (failure is null)
            {
                return new(new TlsClientStream(inner, ssl, FactsOf(ssl, options.ServerName, verifier.IsValidated, transport.TakeFlight())), null, TlsFailureKind.None);
            }
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or InvalidOperationException
            or NotSupportedException or ArgumentException)
        {
            failure = FailureOf(verifier, exception, transport.TakeFlight(), out kind);
        }

        inner.Close();
        ssl.Dispose();
        return new(null, failure, kind);
    }
}
