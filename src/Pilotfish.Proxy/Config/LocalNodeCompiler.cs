using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf;

namespace Pilotfish.Proxy.Config;

/// <summary>Builds this proxy's identity: the bootstrap's node, the command line over it.</summary>
internal static class LocalNodeCompiler
{
    public static LocalNode Compile(Bootstrap bootstrap, ServeOptions options)
    {
        Node node = bootstrap.Node?.Clone() ?? new Node();
        node.Id = options.ServiceNode.Length > 0 ? options.ServiceNode : node.Id;
        node.Cluster = options.ServiceCluster.Length > 0 ? options.ServiceCluster : node.Cluster;
        if (options.ServiceZone.Length > 0)
        {
            node.Locality ??= new Locality();
            node.Locality.Zone = options.ServiceZone;
        }

        // Control planes choose what to send by the name and version of Envoy whose behaviour this proxy has.
        node.UserAgentName = "envoy";
        node.UserAgentBuildVersion = new BuildVersion
        {
            Version = new SemanticVersion
            {
                MajorNumber = ProductVersion.EnvoyMajor,
                MinorNumber = ProductVersion.EnvoyMinor,
                Patch = ProductVersion.EnvoyPatch,
            },
        };
        node.ClientFeatures.Add("envoy.lb.does_not_support_overprovisioning");
        return new LocalNode
        {
            Id = node.Id,
            Cluster = node.Cluster,
            Region = node.Locality?.Region ?? "",
            Zone = node.Locality?.Zone ?? "",
            SubZone = node.Locality?.SubZone ?? "",
            Message = node.ToByteArray(),
        };
    }
}
