using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Istio.V1.Auth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Identity;

/// <summary>
/// A certificate authority and a control plane on gRPC's own server, over TLS on 15012 of a namespace: it looks at tokens, signs for the
/// service account that a token stands for, and gives each node the listeners and clusters that the test wrote for it.
/// </summary>
internal sealed class IssuingControlPlane : IAsyncDisposable
{
    public const string Name = "istiod.istio-system.svc";
    private const int Port = 15012;

    private readonly WebApplication _server;
    private readonly CancellationTokenSource _stop = new();

    private IssuingControlPlane(NetworkNamespaceThread inside)
    {
        (string chain, string key) = Serving.DnsLeaf(Name);
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(chain, key);
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = at => inside.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(at);
            return socket;
        }));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(certificate);
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _server = builder.Build();
        _server.MapGrpcService<Authority>();
        _server.MapGrpcService<Discovery>();
    }

    /// <summary>What signs the server's own certificate; sidecars find its root mounted.</summary>
    public static TestCertificates Serving { get; } = new("serving root");

    /// <summary>What signs workloads.</summary>
    public TestCertificates Issuer { get; set; } = new("mesh root");

    /// <summary>Roots that are told besides the issuer's.</summary>
    public string MoreRoots { get; set; } = "";

    public TimeSpan Life { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Calls for certificates end so while it is set.</summary>
    public Status? Refusal { get; set; }

    /// <summary>The service account by token.</summary>
    public ConcurrentDictionary<string, string> Tokens { get; } = new();

    /// <summary>Who got certificates, with the roots told each time.</summary>
    public ConcurrentQueue<(string Account, string Roots)> Issued { get; } = new();

    /// <summary>Metadata and requests, in the order of arrival.</summary>
    public ConcurrentQueue<(string Authorization, string ClusterId, string Extra, IstioCertificateRequest Request)> Requests { get; } = new();

    /// <summary>Resources by the pod's name and their type.</summary>
    public Dictionary<(string Pod, string Type), List<(string Name, IMessage Message)>> Resources { get; } = [];

    public static async Task<IssuingControlPlane> StartAsync(NetworkNamespaceThread inside)
    {
        var made = new IssuingControlPlane(inside);
        await made._server.StartAsync();
        return made;
    }

    public int IssuedTo(string account) => Issued.Count(issued => issued.Account == account);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    private sealed class Authority(IssuingControlPlane owner) : IstioCertificateService.IstioCertificateServiceBase
    {
        public override Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context)
        {
            string authorization = context.RequestHeaders.GetValue("authorization") ?? "";
            owner.Requests.Enqueue((authorization, context.RequestHeaders.GetValue("clusterid") ?? "", context.RequestHeaders.GetValue("x-extra") ?? "", request));
            if (owner.Refusal is { } refusal)
            {
                throw new RpcException(refusal);
            }

            if (!owner.Tokens.TryGetValue(authorization.Replace("Bearer ", "", StringComparison.Ordinal), out string? account))
            {
                throw new RpcException(new Status(StatusCode.Unauthenticated, "authentication failure"));
            }

            DateTimeOffset now = DateTimeOffset.UtcNow;
            string roots = owner.MoreRoots + owner.Issuer.RootPem;
            owner.Issued.Enqueue((account, roots));
            return Task.FromResult(new IstioCertificateResponse
            {
                CertChain = { owner.Issuer.Sign(request.Csr, now.AddMinutes(-2), now + owner.Life, $"spiffe://cluster.local/ns/default/sa/{account}"), roots },
            });
        }
    }

    private sealed class Discovery(IssuingControlPlane owner) : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
    {
        public override async Task DeltaAggregatedResources(
            IAsyncStreamReader<DeltaDiscoveryRequest> requests, IServerStreamWriter<DeltaDiscoveryResponse> responses, ServerCallContext context)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, owner._stop.Token);
            var told = new HashSet<string>();
            string pod = "";
            while (await requests.MoveNext(stop.Token))
            {
                DeltaDiscoveryRequest request = requests.Current;
                pod = request.Node is { } node ? node.Id.Split('~')[2].Split('.')[0] : pod;
                if (!told.Add(request.TypeUrl))
                {
                    continue;
                }

                var response = new DeltaDiscoveryResponse { TypeUrl = request.TypeUrl, Nonce = request.TypeUrl, SystemVersionInfo = "1" };
                foreach ((string name, IMessage message) in owner.Resources.GetValueOrDefault((pod, request.TypeUrl[(request.TypeUrl.LastIndexOf('.') + 1)..]), []))
                {
                    response.Resources.Add(new Resource
                    {
                        Name = name, Version = "1", Resource_ = new Any { TypeUrl = request.TypeUrl, Value = message.ToByteString() },
                    });
                }

                await responses.WriteAsync(response, stop.Token);
            }
        }
    }
}
