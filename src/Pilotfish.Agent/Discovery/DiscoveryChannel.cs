using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// The connection to the control plane over gRPC: plaintext on 15010, else TLS that trusts the mounted root and nothing else.
/// Root and token are read anew before each stream, because the kubelet replaces both while the pod runs.
/// </summary>
public sealed class DiscoveryChannel(DiscoveryTarget target) : IControlPlane
{
    private const string SystemRoots = "SYSTEM";

    /// <summary>5,000 services in one response are some 30 MB; istiod itself sets no bound.</summary>
    private const int MessageBytesMax = 256 * 1024 * 1024;

    private GrpcChannel? _channel;

    // The bytes and not a hash of them: a plaintext control plane must not load the crypto library.
    private byte[] _roots = [];
    private bool _saidTokenIsMissing;

    public string Name => target.Address;

    public ValueTask<ControlPlaneCall> PrepareAsync(CancellationToken cancellation)
    {
        var headers = new Metadata { { ControlPlaneNames.ClusterIdHeader, target.ClusterId } };
        foreach ((string name, string value) in target.ExtraHeaders)
        {
            headers.Add(name, value);
        }

        if (target.IsTls && TryReadToken(out string token))
        {
            headers.Add("authorization", $"Bearer {token}");
        }

        return new ValueTask<ControlPlaneCall>(new ControlPlaneCall(Channel().CreateCallInvoker(), headers));
    }

    public void Dispose() => _channel?.Dispose();

    private GrpcChannel Channel()
    {
        byte[] roots = target.IsTls && target.RootFile != SystemRoots ? ReadRoots() : [];
        if (_channel is null || !roots.AsSpan().SequenceEqual(_roots))
        {
            _channel?.Dispose();
            _roots = roots;

            // The handler checks the certificate against the host of this address, whatever it is told: so it is the name to expect, and
            // Dial knows where that is.
            string address = target.IsTls ? $"https://{target.ServerName}:{Port}" : $"http://{target.Address}";
            _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
            {
                HttpHandler = Handler(roots),
                DisposeHttpClient = true,
                MaxReceiveMessageSize = MessageBytesMax,
            });
        }

        return _channel;
    }

    /// <summary>An error ends this attempt with its sentence; the file may be mounted by the next one.</summary>
    private byte[] ReadRoots()
    {
        try
        {
            byte[] roots = File.ReadAllBytes(target.RootFile);
            new X509Certificate2Collection().ImportFromPem(Encoding.ASCII.GetString(roots));
            return roots;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"The control plane's root certificate '{target.RootFile}' is not there (yet); mount it, or name another with XDS_ROOT_CA.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or CryptographicException)
        {
            throw new IOException($"The control plane's root certificate '{target.RootFile}' cannot be used: {e.Message}", e);
        }
    }

    private int Port => int.Parse(target.Address.AsSpan(target.Address.LastIndexOf(':') + 1), NumberStyles.None, CultureInfo.InvariantCulture);

    private async ValueTask<Stream> DialAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        string host = target.Address[..target.Address.LastIndexOf(':')].Trim('[', ']');
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private SocketsHttpHandler Handler(byte[] roots)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = DialAsync,
            EnableMultipleHttp2Connections = false,

            // A control plane that vanished without a word is noticed within half a minute.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        if (target.IsTls)
        {
            handler.SslOptions = Tls(roots);
        }

        return handler;
    }

    private SslClientAuthenticationOptions Tls(byte[] roots)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = target.ServerName,
            RemoteCertificateValidationCallback = new ServerCertificateCheck(target).Accept,
        };
        if (target.RootFile == SystemRoots)
        {
            return options;
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,

            // Neither lists nor missing certificates are downloaded: a handshake must not depend on the network.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.ImportFromPem(Encoding.ASCII.GetString(roots));
        options.CertificateChainPolicy = policy;
        return options;
    }

    /// <summary>Without a token the call goes out all the same: the control plane then says what it misses.</summary>
    private bool TryReadToken(out string token)
    {
        try
        {
            token = File.ReadAllText(target.TokenFile).Trim();
            if (token.Length == 0)
            {
                SayTokenIsMissing("it is empty");
            }

            return token.Length > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not mounted: VMs identify themselves by certificate.
            SayTokenIsMissing(e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : "it cannot be read");
            token = "";
            return false;
        }
    }

    /// <summary>Once: the attempts that follow have the same reason.</summary>
    private void SayTokenIsMissing(string why)
    {
        if (!_saidTokenIsMissing)
        {
            _saidTokenIsMissing = true;
            Log.Warning(LogComponent.Agent, $"There is no token in '{target.TokenFile}' ({why}): the control plane is asked without one and may refuse.");
        }
    }
}
