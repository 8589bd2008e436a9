using System.Collections.Concurrent;
using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Endpoint = Envoy.Config.Endpoint.V3.Endpoint;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace Pilotfish.EndToEnd.OnDemand;

/// <summary>
/// A control plane on gRPC's own server that gives virtual hosts and clusters by name alone, and the application behind them. Hosts
/// <c>h0.test</c> and on lead to clusters of their own; of these, <c>lost.test</c>'s does not exist.
/// </summary>
internal sealed class DemandedControlPlane : IAsyncDisposable
{
    private const string TypePrefix = "type.googleapis.com/";
    private const string HostType = TypePrefix + "envoy.config.route.v3.VirtualHost";

    private readonly WebApplication _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _writing = new(1);
    private IServerStreamWriter<DeltaDiscoveryResponse>? _responses;
    private int _pushes;

    private DemandedControlPlane()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static options =>
        {
            options.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            options.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _server = builder.Build();
        _server.MapGrpcService<Discovery>();
        _server.MapFallback(static async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            string body = await reader.ReadToEndAsync(context.RequestAborted);
            await context.Response.WriteAsync($"{context.Request.Host.Host} {body.Length}", context.RequestAborted);
        });
    }

    /// <summary>How often each name was subscribed to.</summary>
    public ConcurrentDictionary<string, int> Asked { get; } = new();

    public int Port { get; private set; }

    public int ApplicationPort { get; private set; }

    public static async Task<DemandedControlPlane> StartAsync()
    {
        var made = new DemandedControlPlane();
        await made._server.StartAsync(TestContext.Current.CancellationToken);
        int[] ports = [.. made._server.Urls.Select(static url => new Uri(url).Port)];
        (made.Port, made.ApplicationPort) = (ports[0], ports[1]);
        return made;
    }

    /// <summary>Takes a virtual host away of the control plane's own accord.</summary>
    public Task RemoveAsync(string host) =>
        WriteAsync(new DeltaDiscoveryResponse { TypeUrl = HostType, Nonce = $"push {++_pushes}", RemovedResources = { $"r/{host}" } });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _server.DisposeAsync();
        _stop.Dispose();
        _writing.Dispose();
    }

    private async Task WriteAsync(DeltaDiscoveryResponse response)
    {
        await _writing.WaitAsync(_stop.Token);
        try
        {
            await _responses!.WriteAsync(response, _stop.Token);
        }
        finally
        {
            _writing.Release();
        }
    }

    private DeltaDiscoveryResponse? Answer(DeltaDiscoveryRequest request)
    {
        foreach (string name in request.ResourceNamesSubscribe)
        {
            Asked.AddOrUpdate(name, 1, static (_, before) => before + 1);
        }

        bool isFirst = request.ResponseNonce.Length == 0;
        if (!isFirst && request.ResourceNamesSubscribe.Count == 0)
        {
            return null;
        }

        var response = new DeltaDiscoveryResponse { TypeUrl = request.TypeUrl, Nonce = $"{request.TypeUrl} {Asked.Values.Sum()}" };
        foreach (string name in request.ResourceNamesSubscribe)
        {
            if (Find(request.TypeUrl, name) is { } message)
            {
                response.Resources.Add(new Resource { Name = name, Version = "1", Resource_ = Any.Pack(message) });
            }
            else if (request.TypeUrl == HostType)
            {
                response.Resources.Add(new Resource { Name = name, Version = "1", Aliases = { name } });
            }
            else
            {
                response.RemovedResources.Add(name);
            }
        }

        return response;
    }

    private IMessage? Find(string type, string name) => type[(type.LastIndexOf('.') + 1)..] switch
    {
        nameof(RouteConfiguration) => new RouteConfiguration
        {
            Name = name, Vhds = new Vhds { ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() } },
        },
        nameof(VirtualHost) when name is ['r', '/', 'h' or 'l', ..] => new VirtualHost
        {
            Name = name,
            Domains = { name[2..] },
            Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = $"to {name[2..]}" } } },
        },
        nameof(Cluster) when name != "to lost.test" => new Cluster
        {
            Name = name,
            Type = Cluster.Types.DiscoveryType.Static,
            LoadAssignment = new ClusterLoadAssignment
            {
                ClusterName = name,
                Endpoints =
                {
                    new LocalityLbEndpoints
                    {
                        LbEndpoints =
                        {
                            new LbEndpoint
                            {
                                Endpoint = new Endpoint
                                {
                                    Address = new Address { SocketAddress = new SocketAddress { Address = "127.0.0.1", PortValue = (uint)ApplicationPort } },
                                },
                            },
                        },
                    },
                },
            },
        },
        _ => null,
    };

    private sealed class Discovery(DemandedControlPlane owner) : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
    {
        public override async Task DeltaAggregatedResources(
            IAsyncStreamReader<DeltaDiscoveryRequest> requestStream, IServerStreamWriter<DeltaDiscoveryResponse> responseStream, ServerCallContext context)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, owner._stop.Token);
            owner._responses = responseStream;
            while (await requestStream.MoveNext(stop.Token))
            {
                if (owner.Answer(requestStream.Current) is { } response)
                {
                    await owner.WriteAsync(response);
                }
            }
        }
    }
}
