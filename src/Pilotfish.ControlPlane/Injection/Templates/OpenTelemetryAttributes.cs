using Pilotfish.Language.GoTemplates;

namespace Pilotfish.ControlPlane.Injection.Templates;

/// <summary>OTEL_RESOURCE_ATTRIBUTES by OpenTelemetry's conventions for Kubernetes services, where a tracing provider of the
/// mesh asks for them.</summary>
internal static class OpenTelemetryAttributes
{
    private const string AnnotationPrefix = "resource.opentelemetry.io/";

    public static string Compute(
        GoValue meshConfig, GoValue annotations, GoValue labels, string space, GoValue containers)
    {
        if (!Field(meshConfig, "ExtensionProviders").AsList.Any(UsesConventions))
        {
            return "";
        }

        var images = containers.IsNil ? [] : containers.AsList;
        var attributes = new (string Name, string Value)[]
        {
            ("service.namespace", First(Of(annotations, AnnotationPrefix + "service.namespace"), space)),
            ("service.version", First(
                Of(annotations, AnnotationPrefix + "service.version"),
                Of(labels, "app.kubernetes.io/version"),
                images.Count == 1 ? ImageVersion(Text(Field(images[0], "Image"))) : "")),
            // The pod's name is not known yet, so Kubernetes fills it in.
            ("service.instance.id", First(
                Of(annotations, AnnotationPrefix + "service.instance.id"),
                images.Count > 0 ? $"{space}.$(POD_NAME).{Text(Field(images[0], "Name"))}" : "")),
        };
        return string.Join(',', attributes.Where(a => a.Value.Length > 0).Select(a => $"{a.Name}={a.Value}"));
    }

    private static bool UsesConventions(GoValue provider) =>
        Text(Field(Field(provider, "Opentelemetry"), "ServiceAttributeEnrichment")) == "OTEL_SEMANTIC_CONVENTIONS";

    /// <summary>The tag and digest of `[registry[:port]/]name[:tag][@digest]`.</summary>
    private static string ImageVersion(string image)
    {
        var at = image.IndexOf('@', StringComparison.Ordinal);
        var digest = at < 0 ? "" : image[(at + 1)..];
        var name = at < 0 ? image : image[..at];
        var colon = name.LastIndexOf(':');
        var tag = colon > name.LastIndexOf('/') ? name[(colon + 1)..] : "";
        return tag.Length > 0 && digest.Length > 0 ? $"{tag}@{digest}" : tag + digest;
    }

    private static string First(params ReadOnlySpan<string> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Length > 0)
            {
                return candidate;
            }
        }

        return "";
    }

    private static string Of(GoValue map, string key) => map.Kind == GoKind.Map ? Text(map.AsMap[key]) : "";

    private static string Text(GoValue value) => value.IsNil ? "" : GoFormat.Print(value);

    private static GoValue Field(GoValue value, string name) =>
        value.Kind == GoKind.Object && value.AsObject.TryGetField(name, out var field) ? field : GoValue.EmptyList;
}
