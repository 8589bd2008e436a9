using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>An installation's settings as its operator wrote them: an IstioOperator document and `--set` flags, turned into
/// the values that Istio's charts would have made of them.</summary>
internal sealed class InstallationValues
{
    private readonly YamlMapping _spec;

    private InstallationValues(YamlMapping spec)
    {
        _spec = spec;
    }

    /// <param name="operatorSpec">The `spec` of an IstioOperator; empty where there is none.</param>
    /// <param name="assignments">Values of `--set`.</param>
    /// <exception cref="InjectionException">A setting is unknown or of a wrong kind.</exception>
    public static InstallationValues Create(YamlMapping operatorSpec, IEnumerable<string> assignments)
    {
        var spec = (YamlMapping)operatorSpec.Clone();
        foreach (var assignment in assignments)
        {
            ValuePath.Parse(assignment).ApplyTo(spec);
        }

        InstallationCheck.Check(spec);
        return new InstallationValues(spec);
    }

    /// <summary>Fields of its mesh configuration that do not exist, each as a sentence. They have no effect, as in Istio.</summary>
    public IEnumerable<SourceError> Warnings() =>
        ValuesCheck.UnknownFields(_spec.Mapping("meshConfig"), "meshConfig")
            .Concat(ValuesCheck.UnknownFields(_spec.Mapping("values")?.Mapping("meshConfig"), "values.meshConfig"));

    /// <summary>The charts' defaults with the installation's own values over them.</summary>
    public YamlMapping Values(YamlMapping? valuesFile, string revision)
    {
        var defaults = YamlDocuments.Parse(EmbeddedText.Read("Configuration.default-values.yaml"), "default values");
        var values = (YamlMapping)defaults.Documents[0];
        if (valuesFile is not null)
        {
            values.Overlay(valuesFile);
        }

        Copy("hub", values.Ensure("global"), "hub");
        Copy("tag", values.Ensure("global"), "tag");
        Copy("revision", values, "revision");
        if (_spec.At("components", "cni", "enabled") is { } cni)
        {
            values.Ensure("pilot").Ensure("cni")["enabled"] = cni.Clone();
        }

        if (_spec.Mapping("values") is { } own)
        {
            // The chart of the control plane sees the provider that is set for the CNI chart.
            if (own.At("cni", "provider") is { } provider)
            {
                values.Ensure("pilot").Ensure("cni")["provider"] = provider.Clone();
            }

            values.Overlay(own);
        }

        if (_spec.Mapping("unvalidatedValues") is { } free)
        {
            values.Overlay(free);
        }

        if (revision.Length > 0)
        {
            values.Set("revision", revision);
        }

        InstallationCheck.CheckValues(values);
        return values;
    }

    /// <summary>The mesh configuration that the charts would write: Istio's defaults, what the values imply, and the
    /// installation's own.</summary>
    public InjectionMesh Mesh(YamlMapping values)
    {
        var implied = new YamlMapping();
        var proxy = implied.Ensure("defaultConfig");
        var revision = values.Text("revision") is { Length: > 0 } name ? "-" + name : "";
        proxy.Set("discoveryAddress", $"istiod{revision}.{values.TextAt("global", "istioNamespace")}.svc:15012");
        if (values.TextAt("global", "meshID") is { Length: > 0 } mesh)
        {
            proxy.Set("meshId", mesh);
        }

        var variant = values.TextAt("global", "proxy", "variant") ?? values.TextAt("global", "variant") ?? "";
        if (variant.Length > 0)
        {
            proxy.Ensure("image").Set("imageType", variant);
        }

        AddTracing(proxy, values);
        var settings = InjectionMesh.Default.With(implied);
        foreach (var own in new[] { values.Mapping("meshConfig"), _spec.Mapping("meshConfig") })
        {
            settings = own is null ? settings : settings.With(own);
        }

        return settings;
    }

    private static void AddTracing(YamlMapping proxy, YamlMapping values)
    {
        var tracer = values.TextAt("global", "proxy", "tracer") ?? "none";
        var address = values.TextAt("global", "tracer", tracer, "address");
        switch (tracer)
        {
            case "zipkin":
                proxy.Ensure("tracing").Ensure("zipkin").Set(
                    "address", address ?? $"zipkin.{values.TextAt("global", "istioNamespace")}:9411");
                break;
            case "datadog":
                proxy.Ensure("tracing").Ensure("datadog").Set("address", address ?? "$(HOST_IP):8126");
                break;
            case "lightstep":
                var lightstep = proxy.Ensure("tracing").Ensure("lightstep");
                lightstep.Set("address", address ?? "");
                lightstep.Set("accessToken", values.TextAt("global", "tracer", tracer, "accessToken") ?? "");
                break;
            case "stackdriver":
                var stackdriver = proxy.Ensure("tracing").Ensure("stackdriver");
                stackdriver["debug"] = YamlScalar.Boolean(values.IsTrueAt("global", "tracer", tracer, "debug"));
                foreach (var limit in new[] { "maxNumberOfAttributes", "maxNumberOfAnnotations", "maxNumberOfMessageEvents" })
                {
                    stackdriver[limit] = values.At("global", "tracer", tracer, limit)?.Clone() ?? YamlScalar.Integer(200);
                }

                break;
            default:
                break;
        }
    }

    private void Copy(string from, YamlMapping target, string to)
    {
        if (_spec[from] is YamlScalar { IsNull: false } value)
        {
            target[to] = value.Clone();
        }
    }
}
