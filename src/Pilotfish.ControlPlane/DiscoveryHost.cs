using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilotfish.ControlPlane.Debug;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Sources;
using Pilotfish.ControlPlane.Sources.Files;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane;

/// <summary>The control plane as a running server: gRPC, HTTP and monitoring ports over one pipeline.</summary>
public sealed class DiscoveryHost : IAsyncDisposable
{
    // A push of a large mesh to one proxy; istiod's limit for what it receives is the same.
    private const int MessageBytesMax = 4 * 1024 * 1024;

    // A proxy that vanished without closing is noticed after one interval and one timeout.
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(10);

    private readonly WebApplication _app;

    private DiscoveryHost(WebApplication app) => _app = app;

    /// <summary>Where the server listens, in the order gRPC, secure gRPC, HTTPS, HTTP, monitoring; known once started.</summary>
    public IReadOnlyList<Uri> Addresses =>
        [.. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(static a => new Uri(a))];

    /// <param name="options">Ports and sources.</param>
    /// <param name="map">Adds further HTTP endpoints, such as webhooks.</param>
    /// <exception cref="ArgumentException">An address does not parse.</exception>
    public static DiscoveryHost Create(DiscoveryOptions options, Action<IEndpointRouteBuilder>? map = null)
    {
        // The empty builder reads no files and watches none: the working directory is not ours, and inotify may be exhausted.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.UseUtcTimestamp = true;
        });
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Grpc", LogLevel.Error);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options));
        var services = builder.Services;
        services.AddGrpc(static grpc => grpc.MaxReceiveMessageSize = MessageBytesMax);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(options.Context);
        services.AddSingleton<DiscoveryServer>();
        services.AddSingleton<IConfigSource>(_ => CreateSource(options));
        services.AddHostedService<ConfigPipeline>();
        var app = builder.Build();
        app.MapGrpcService<AdsService>();
        DebugEndpoints.Map(app, app.Services.GetRequiredService<DiscoveryServer>());
        map?.Invoke(app);
        return new DiscoveryHost(app);
    }

    public Task StartAsync(CancellationToken cancellation) => _app.StartAsync(cancellation);

    /// <summary>Ends on SIGTERM, SIGINT or cancellation.</summary>
    public Task RunAsync(CancellationToken cancellation) => HostingAbstractionsHostExtensions.RunAsync(_app, cancellation);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static DirectorySource CreateSource(DiscoveryOptions options)
    {
        List<string> directories = options.StateDirectory is { } state ? [state, .. options.ConfigDirectories] : [.. options.ConfigDirectories];
        return new DirectorySource(directories, options.MeshConfigFile, options.Context.DomainSuffix, options.IsRecursive);
    }

    private static void Listen(KestrelServerOptions kestrel, DiscoveryOptions options)
    {
        kestrel.AddServerHeader = false;

        // A proxy's stream lives as long as the proxy; only keepalive decides that it is gone.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.KeepAlivePingDelay = s_pingInterval;
        kestrel.Limits.Http2.KeepAlivePingTimeout = s_pingTimeout;
        Listen(kestrel, options.GrpcAddress, static listen => listen.Protocols = HttpProtocols.Http2);
        if (options.TlsCertFile is not null && options.TlsKeyFile is not null)
        {
            var certificate = new ServingCertificate(options.TlsCertFile, options.TlsKeyFile, options.CaCertFile, Console.Error.WriteLine);
            Listen(kestrel, options.SecureGrpcAddress, listen => UseTls(listen, certificate, HttpProtocols.Http2));
            Listen(kestrel, options.HttpsAddress, listen => UseTls(listen, certificate, HttpProtocols.Http1AndHttp2));
        }

        Listen(kestrel, options.HttpAddress, static listen => listen.Protocols = HttpProtocols.Http1);
        Listen(kestrel, options.MonitoringAddress, static listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static void UseTls(ListenOptions listen, ServingCertificate certificate, HttpProtocols protocols)
    {
        listen.Protocols = protocols;
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(Copy(certificate.Current)),
        });
    }

    // Kestrel writes the protocols of its listener into the options that it is given.
    private static SslServerAuthenticationOptions Copy(SslServerAuthenticationOptions options) => new()
    {
        ServerCertificateContext = options.ServerCertificateContext,
        ClientCertificateRequired = options.ClientCertificateRequired,
        RemoteCertificateValidationCallback = options.RemoteCertificateValidationCallback,
    };

    private static void Listen(KestrelServerOptions kestrel, string address, Action<ListenOptions> configure)
    {
        if (!ListenAddress.TryParse(address, out IPEndPoint? endpoint, out var error))
        {
            throw new ArgumentException(error);
        }

        if (endpoint is null)
        {
            return;
        }

        // All addresses of both families, or of IPv4 alone where the kernel has no other.
        if (endpoint.Address.Equals(IPAddress.IPv6Any))
        {
            kestrel.ListenAnyIP(endpoint.Port, configure);
        }
        else
        {
            kestrel.Listen(endpoint, configure);
        }
    }
}
