using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.ControlPlane.Translation.Shared;
using ClusterProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>A cluster and its HTTP options while policies are applied; the options are packed at the end.</summary>
internal sealed class ClusterDraft(Cluster cluster)
{
    public Cluster Cluster { get; } = cluster;

    /// <summary>Null while everything is the proxy's default.</summary>
    public ClusterProtocolOptions? Options { get; private set; }

    public ClusterProtocolOptions OptionsOrNew() => Options ??= new ClusterProtocolOptions();

    public void UseHttp2()
    {
        var options = OptionsOrNew();
        if (options.UpstreamProtocolOptionsCase == ClusterProtocolOptions.UpstreamProtocolOptionsOneofCase.None)
        {
            options.ExplicitHttpConfig = new ClusterProtocolOptions.Types.ExplicitHttpConfig
            {
                Http2ProtocolOptions = new Http2ProtocolOptions(),
            };
        }
    }

    public void UseHttp1(Http1ProtocolOptions http1) => OptionsOrNew().ExplicitHttpConfig =
        new ClusterProtocolOptions.Types.ExplicitHttpConfig { HttpProtocolOptions = http1 };

    /// <summary>Speaks upstream what the client spoke.</summary>
    public void UseDownstreamProtocol()
    {
        var options = OptionsOrNew();
        var http1 = options.ExplicitHttpConfig?.HttpProtocolOptions ?? new Http1ProtocolOptions();
        options.UseDownstreamProtocolConfig = new ClusterProtocolOptions.Types.UseDownstreamHttpConfig
        {
            HttpProtocolOptions = http1,
            Http2ProtocolOptions = new Http2ProtocolOptions(),
        };
    }

    public Cluster Finish()
    {
        if (Options is not null)
        {
            if (Options.UpstreamProtocolOptionsCase == ClusterProtocolOptions.UpstreamProtocolOptionsOneofCase.None)
            {
                Options.ExplicitHttpConfig = new ClusterProtocolOptions.Types.ExplicitHttpConfig
                {
                    HttpProtocolOptions = new Http1ProtocolOptions(),
                };
            }

            Cluster.TypedExtensionProtocolOptions[ExtensionNames.HttpProtocolOptions] = Messages.Pack(Options);
        }

        return Cluster;
    }
}
