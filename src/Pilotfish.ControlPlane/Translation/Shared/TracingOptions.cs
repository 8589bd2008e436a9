using Envoy.Type.Metadata.V3;
using Envoy.Type.Tracing.V3;
using Envoy.Type.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using HcmTracing = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.Tracing;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>The tracing block of connection managers: sampling and tags. Where spans go is the bootstrap's matter.</summary>
internal static class TracingOptions
{
    private const double Always = 100.0;
    private const string RbacFilter = "envoy.filters.http.rbac";
    private const string DryRunPrefix = "istio_dry_run_";

    public static HcmTracing? Build(PushContext push, ProxyView proxy)
    {
        if (!push.Mesh.EnableTracing)
        {
            return null;
        }

        var given = proxy.ProxyConfig(push).Tracing;
        var tracing = new HcmTracing
        {
            ClientSampling = new Percent { Value = Always },
            RandomSampling = new Percent { Value = Sampling(push, given?.Sampling ?? 0) },
            OverallSampling = new Percent { Value = Always },
        };
        if (given is { MaxPathTagLength: > 0 })
        {
            tracing.MaxPathTagLength = given.MaxPathTagLength;
        }

        var tags = new List<CustomTag>();
        if (given?.EnableIstioTags != false)
        {
            AddOwnTags(tags, proxy);
        }

        AddConfiguredTags(tags, given);
        tags.Sort(static (x, y) => string.CompareOrdinal(x.Tag, y.Tag));
        tracing.CustomTags.AddRange(tags);
        return tracing;
    }

    // An impossible percentage counts as one percent, as under istiod.
    private static double Sampling(PushContext push, double given) =>
        given == 0 ? push.Features.TraceSampling : given > Always ? 1.0 : given;

    private static void AddOwnTags(List<CustomTag> tags, ProxyView proxy)
    {
        tags.Add(Literal("istio.canonical_revision", proxy.Labels.GetValueOrDefault("service.istio.io/canonical-revision", ""), "latest"));
        tags.Add(Literal("istio.canonical_service", proxy.Labels.GetValueOrDefault("service.istio.io/canonical-name", ""), "unknown"));
        tags.Add(Literal("istio.mesh_id", proxy.Node.MeshId, "unknown"));
        tags.Add(Literal("istio.namespace", proxy.Node.Namespace, "default"));
        tags.Add(Literal("istio.cluster_id", proxy.Node.ClusterId, "unknown"));
        foreach (var policy in (ReadOnlySpan<string>)["allow", "deny"])
        {
            tags.Add(DryRun($"istio.authorization.dry_run.{policy}_policy.name", $"{DryRunPrefix}{policy}_shadow_effective_policy_id"));
            tags.Add(DryRun($"istio.authorization.dry_run.{policy}_policy.result", $"{DryRunPrefix}{policy}_shadow_engine_result"));
        }
    }

    private static CustomTag Literal(string tag, string value, string fallback) =>
        new() { Tag = tag, Literal = new CustomTag.Types.Literal { Value = value.Length > 0 ? value : fallback } };

    private static CustomTag DryRun(string tag, string key) => new()
    {
        Tag = tag,
        Metadata = new CustomTag.Types.Metadata
        {
            Kind = new MetadataKind { Request = new MetadataKind.Types.Request() },
            MetadataKey = new MetadataKey { Key = RbacFilter, Path = { new MetadataKey.Types.PathSegment { Key = key } } },
        },
    };

    private static void AddConfiguredTags(List<CustomTag> tags, Istio.Mesh.V1Alpha1.Tracing? given)
    {
        foreach (var (name, tag) in given?.CustomTags ?? [])
        {
            var made = new CustomTag { Tag = name };
            if (tag.Environment is { } environment)
            {
                made.Environment = new CustomTag.Types.Environment { Name = environment.Name, DefaultValue = environment.DefaultValue };
            }
            else if (tag.Header is { } header)
            {
                made.RequestHeader = new CustomTag.Types.Header { Name = header.Name, DefaultValue = header.DefaultValue };
            }
            else if (tag.Literal is { } literal)
            {
                made.Literal = new CustomTag.Types.Literal { Value = literal.Value };
            }
            else
            {
                continue;
            }

            tags.Add(made);
        }
    }
}
