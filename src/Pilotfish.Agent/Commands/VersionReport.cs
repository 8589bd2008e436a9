using System.Text;
using System.Text.Json;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Commands;

/// <summary>One server of a control plane and what it is.</summary>
/// <param name="Component">`pilot` for an istiod or our `discovery`.</param>
/// <param name="Revision">The control plane's revision.</param>
/// <param name="Build">What it said of itself.</param>
public sealed record ServerVersion(string Component, string Revision, BuildInfo Build);

/// <summary>One proxy of a mesh.</summary>
/// <param name="Id">As <c>pod.namespace</c>.</param>
/// <param name="IstioVersion">The Istio whose resources it reads.</param>
/// <param name="Type">sidecar, gateway, ...</param>
public sealed record ProxyVersion(string Id, string IstioVersion, string Type);

/// <summary>What the <c>version</c> commands print, in the forms of Istio's (istio: pkg/version/cobra.go).</summary>
/// <param name="Client">This program.</param>
/// <param name="Mesh">The control plane; null when it was not asked.</param>
/// <param name="Proxies">The data plane; null when the control plane was not asked.</param>
public sealed record VersionReport(
    BuildInfo Client, IReadOnlyList<ServerVersion>? Mesh = null, IReadOnlyList<ProxyVersion>? Proxies = null)
{
    public const string Json = "json";
    public const string Yaml = "yaml";

    /// <summary>Null, or why <paramref name="format"/> is none.</summary>
    public static string? Problem(string format) => format is "" or Json or Yaml ? null : "--output must be 'yaml' or 'json'";

    /// <param name="output">Where it goes.</param>
    /// <param name="format"><see cref="Json"/>, <see cref="Yaml"/>, or empty for lines of text.</param>
    /// <param name="isShort">Versions alone; counts for text only.</param>
    public void Write(TextWriter output, string format, bool isShort)
    {
        switch (format)
        {
            case Json:
                output.WriteLine(ToJson());
                break;
            case Yaml:
                WriteYaml(output);
                break;
            default:
                WriteText(output, isShort);
                break;
        }
    }

    private void WriteText(TextWriter output, bool isShort)
    {
        output.WriteLine($"client version: {(isShort ? Client.Version : LongForm(Client))}");
        foreach ((string component, BuildInfo build) in Servers(isShort))
        {
            output.WriteLine($"{component} version: {(isShort ? build.Version : LongForm(build))}");
        }

        if (Proxies is null)
        {
            return;
        }

        if (isShort)
        {
            output.WriteLine($"data plane version: {Summary(Proxies)}");
            return;
        }

        foreach (ProxyVersion proxy in Proxies)
        {
            output.WriteLine($"data plane version: version.ProxyInfo{{ID:\"{proxy.Id}\", IstioVersion:\"{proxy.IstioVersion}\", Type:\"{proxy.Type}\"}}");
        }
    }

    /// <summary>Servers of one version are one line of the short form.</summary>
    private IEnumerable<(string Component, BuildInfo Build)> Servers(bool isShort)
    {
        IReadOnlyList<ServerVersion> servers = Mesh ?? [];
        return isShort && servers.Count > 0 && servers.All(server => server.Build.Version == servers[0].Build.Version)
            ? [("control plane", servers[0].Build)]
            : servers.Select(server => (server.Component, server.Build));
    }

    private static string Summary(IReadOnlyList<ProxyVersion> proxies) => proxies.Count == 0
        ? "none"
        : string.Join(", ", proxies.GroupBy(proxy => proxy.IstioVersion, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => $"{group.Key} ({group.Count()} proxies)"));

    private static string LongForm(BuildInfo build) =>
        $"version.BuildInfo{{Version:\"{build.Version}\", GitRevision:\"{build.Revision}\", GolangVersion:\"{build.Runtime}\", "
        + $"BuildStatus:\"{build.Status}\", GitTag:\"{build.Version}\"}}";

    private string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            WriteBuild(json, "clientVersion", Client);
            if (Mesh is not null)
            {
                json.WriteStartArray("meshVersion");
                foreach (ServerVersion server in Mesh)
                {
                    json.WriteStartObject();
                    json.WriteString("Component", server.Component);
                    json.WriteString("Revision", server.Revision);
                    WriteBuild(json, "Info", server.Build);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            if (Proxies is not null)
            {
                json.WriteStartArray("dataPlaneVersion");
                foreach (ProxyVersion proxy in Proxies)
                {
                    json.WriteStartObject();
                    json.WriteString("ID", proxy.Id);
                    json.WriteString("IstioVersion", proxy.IstioVersion);
                    json.WriteString("Type", proxy.Type);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteBuild(Utf8JsonWriter json, string name, BuildInfo build)
    {
        json.WriteStartObject(name);
        json.WriteString("version", build.Version);
        json.WriteString("revision", build.Revision);
        json.WriteString("golang_version", build.Runtime);
        json.WriteString("status", build.Status);
        json.WriteString("tag", build.Version);
        json.WriteEndObject();
    }

    private void WriteYaml(TextWriter output)
    {
        output.WriteLine("clientVersion:");
        WriteBuild(output, "  ", Client);
        if (Proxies is not null)
        {
            output.WriteLine(Proxies.Count == 0 ? "dataPlaneVersion: []" : "dataPlaneVersion:");
            foreach (ProxyVersion proxy in Proxies)
            {
                output.WriteLine($"- ID: {Quote(proxy.Id)}");
                output.WriteLine($"  IstioVersion: {Quote(proxy.IstioVersion)}");
                output.WriteLine($"  Type: {Quote(proxy.Type)}");
            }
        }

        if (Mesh is not null)
        {
            output.WriteLine(Mesh.Count == 0 ? "meshVersion: []" : "meshVersion:");
            foreach (ServerVersion server in Mesh)
            {
                output.WriteLine($"- Component: {Quote(server.Component)}");
                output.WriteLine("  Info:");
                WriteBuild(output, "    ", server.Build);
                output.WriteLine($"  Revision: {Quote(server.Revision)}");
            }
        }
    }

    private static void WriteBuild(TextWriter output, string indent, BuildInfo build)
    {
        output.WriteLine($"{indent}golang_version: {Quote(build.Runtime)}");
        output.WriteLine($"{indent}revision: {Quote(build.Revision)}");
        output.WriteLine($"{indent}status: {Quote(build.Status)}");
        output.WriteLine($"{indent}tag: {Quote(build.Version)}");
        output.WriteLine($"{indent}version: {Quote(build.Version)}");
    }

    /// <summary>What JSON's writer makes of it is a scalar of YAML, whatever the text holds.</summary>
    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
