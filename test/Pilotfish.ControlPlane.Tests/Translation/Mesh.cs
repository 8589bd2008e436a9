using System.Text;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Sources.Objects;
using Istio.Mesh.V1Alpha1;

namespace Pilotfish.ControlPlane.Tests.Translation;

/// <summary>A push context and a proxy made from manifests.</summary>
internal sealed class Mesh
{
    public Mesh(string manifests, Action<MeshConfig>? configure = null, string address = "10.0.0.3", string name = "ratings-1", bool identity = false)
    {
        var mesh = MeshDefaults.Create();
        configure?.Invoke(mesh);
        var (snapshot, _) = ConfigSnapshot.Empty.ReplaceAll(Parse(manifests));
        Push = PushContext.Create(new PushContextOptions { IdentityEnabled = identity }, mesh, snapshot);
        Proxy = ProxyView.Resolve(Push, Node(address, name));
    }

    public PushContext Push { get; }

    public ProxyView Proxy { get; }

    public static IReadOnlyList<ConfigObject> Parse(string manifests)
    {
        var read = new ObjectReader(HostNames.DefaultDomainSuffix).Read(Encoding.UTF8.GetBytes(manifests), "test.yaml");
        Assert.Empty(read.Errors);
        Assert.Empty(read.Warnings);
        return read.Objects;
    }

    public static ProxyNode Node(string address, string name)
    {
        Assert.True(ProxyNodeReader.TryRead(EnvoyNode(address, name), out var node, out var error), error);
        return node!;
    }

    public static Node EnvoyNode(string address, string name) => new()
    {
        Id = $"sidecar~{address}~{name}.default~default.svc.cluster.local",
        Cluster = "test",
        Metadata = new Struct
        {
            Fields =
            {
                ["NAMESPACE"] = Value.ForString("default"),
                ["CLUSTER_ID"] = Value.ForString("Kubernetes"),
                ["ENVOY_STATUS_PORT"] = Value.ForNumber(15021),
                ["ENVOY_PROMETHEUS_PORT"] = Value.ForNumber(15090),
            },
        },
    };
}
