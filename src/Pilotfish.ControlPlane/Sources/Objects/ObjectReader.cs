using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf.Reflection;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Validation;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>Reads a text of Kubernetes and Istio objects, YAML or JSON, many to a file, lists unfolded.</summary>
public sealed class ObjectReader(string domainSuffix, string defaultNamespace = ObjectReader.DefaultNamespace)
{
    public const string DefaultNamespace = "default";
    public const string MeshConfigMap = "istio";
    private const string MeshKey = "mesh";

    // Fields of a newer vocabulary are named to the user but do not stop the file.
    private static readonly ReadOptions s_options = ReadOptions.Istio with { UnknownFields = UnknownFields.Warn };

    /// <summary>
    /// Whether objects must keep the rules of their kind, as behind a validating webhook. Where there is none, files must be held to
    /// them: a rule without a route, say, would replace a good one.
    /// </summary>
    public bool CheckRules { get; init; }

    public ReadObjects Read(ReadOnlySpan<byte> bytes, string fileName)
    {
        var parsed = YamlDocuments.Parse(bytes, fileName);
        var state = new Reading(bytes.ToArray());
        state.Errors.AddRange(parsed.Errors);
        foreach (var document in parsed.Documents)
        {
            ReadNode(document, state);
        }

        return new ReadObjects(state.Objects, state.Errors, state.Warnings);
    }

    /// <summary>Reads a text that is a mesh configuration, and lays it over the defaults. Null, and errors with places, for a bad one.</summary>
    public static MeshConfig? ReadMesh(string text, string fileName, List<SourceError> errors, List<SourceError> warnings)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return MeshDefaults.Create();
        }

        var result = MessageReader.Parse<MeshConfig>(text, fileName, s_options);
        errors.AddRange(result.Errors);
        warnings.AddRange(result.Warnings);
        if (result.Message is not { } mesh)
        {
            return null;
        }

        var problems = MeshRules.Check(mesh);
        if (problems.Count == 0)
        {
            return MeshDefaults.Apply(mesh);
        }

        var root = YamlDocuments.Parse(text, fileName).Documents[0];
        errors.AddRange(problems.Select(problem => new SourceError(ProblemPath.Place(root, problem.Path), problem.ToString())));
        return null;
    }

    private void ReadNode(YamlNode node, Reading state)
    {
        if (node.IsNull)
        {
            return;
        }

        if (node is not YamlMapping mapping)
        {
            state.Errors.Add(new SourceError(node.Position, $"An object is expected here, but this is {node.KindName}."));
            return;
        }

        var kind = mapping.Text("kind");
        if (kind is null || mapping.Text("apiVersion") is not { } apiVersion)
        {
            state.Errors.Add(new SourceError(node.Position, "The object has no 'apiVersion' or no 'kind'."));
            return;
        }

        if (kind.EndsWith("List", StringComparison.Ordinal) && mapping.Sequence("items") is { } items)
        {
            foreach (var item in items.Items)
            {
                ReadNode(item, state);
            }

            return;
        }

        var configKind = ObjectKinds.Find(apiVersion, kind, out var spec);
        if (configKind != ConfigKind.Other)
        {
            ReadObject(mapping, configKind, apiVersion, kind, spec, state);
        }
    }

    private void ReadObject(
        YamlMapping node, ConfigKind kind, string apiVersion, string kindName, MessageDescriptor? specType, Reading state)
    {
        var text = NodeJson.Print(node);
        if (JsonNode.Parse(text) is not JsonObject root || root.Object("metadata").Text("name").Length == 0)
        {
            state.Errors.Add(new SourceError(node.Position, $"The {kindName} has no 'metadata.name'."));
            return;
        }

        var meta = ReadMeta(root, kind, apiVersion, kindName);
        var key = new ConfigKey(kind, meta.Namespace, meta.Name);
        var body = specType is not null ? ReadSpec(node, specType, state) : ReadKubernetes(key, meta, root, node, state);
        if (body is not null && specType is not null && CheckRules && node["spec"] is YamlMapping spec)
        {
            foreach (var problem in ConfigValidator.CheckRules(kindName, spec))
            {
                state.Errors.Add(new SourceError(ProblemPath.Place(node, problem.Path), $"{kindName} '{meta.Namespace}/{meta.Name}': {problem}"));
            }
        }

        if (body is not null)
        {
            var hash = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text));
            state.Objects.Add(new ConfigObject(key, meta, body, hash, node.Position.ToString()));
        }
    }

    private ObjectMeta ReadMeta(JsonObject root, ConfigKind kind, string apiVersion, string kindName)
    {
        var metadata = root.Object("metadata");
        var ns = metadata.Text("namespace");
        return new ObjectMeta
        {
            Name = metadata.Text("name"),
            Namespace = ObjectKinds.IsClusterScoped(kind) ? "" : ns.Length > 0 ? ns : defaultNamespace,
            Labels = metadata.Map("labels"),
            Annotations = metadata.Map("annotations"),
            CreationTime = DateTimeOffset.TryParse(
                metadata.Text("creationTimestamp"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                ? time : default,
            ApiVersion = apiVersion,
            Kind = kindName,
        };
    }

    private static object? ReadSpec(YamlMapping node, MessageDescriptor type, Reading state)
    {
        // An absent spec is an empty one: some kinds mean something by existing.
        var spec = node["spec"] is { IsNull: false } given ? given : new YamlMapping(node.Position);
        var result = MessageReader.Read(spec, type, s_options);
        state.Errors.AddRange(result.Errors);
        state.Warnings.AddRange(result.Warnings);
        return result.Message;
    }

    private object? ReadKubernetes(ConfigKey key, ObjectMeta meta, JsonObject root, YamlMapping node, Reading state)
    {
        switch (key.Kind)
        {
            case ConfigKind.Service: return KubernetesService.Read(key, meta, root, domainSuffix);
            case ConfigKind.Pod: return KubernetesPod.Read(meta, root);
            case ConfigKind.Node: return KubernetesNode.Read(root);
            case ConfigKind.Endpoints: return KubernetesEndpoints.ReadEndpoints(meta, root);
            case ConfigKind.EndpointSlice: return KubernetesEndpoints.ReadSlice(meta, root);
            case ConfigKind.ConfigMap: return ReadConfigMap(meta, root, node, state);
            default: return meta;
        }
    }

    private static ConfigMapContent? ReadConfigMap(ObjectMeta meta, JsonObject root, YamlMapping node, Reading state)
    {
        var data = root.Map("data");
        if (meta.Name != MeshConfigMap || !data.TryGetValue(MeshKey, out var text))
        {
            return new ConfigMapContent(data, null);
        }

        var errors = new List<SourceError>();
        var warnings = new List<SourceError>();
        var name = $"ConfigMap {meta.Namespace}/{meta.Name}, key {MeshKey}";
        var mesh = ReadMesh(text, $"{node.Position.File} ({name})", errors, warnings);
        var embedded = new EmbeddedText(state.Lines, node.Mapping("data")?[MeshKey], text);
        state.Errors.AddRange(errors.Select(error => embedded.Place(error, name)));
        state.Warnings.AddRange(warnings.Select(warning => embedded.Place(warning, name)));
        return mesh is null ? null : new ConfigMapContent(data, mesh);
    }

    private sealed class Reading(byte[] file)
    {
        private string[]? _lines;

        /// <summary>Of the whole file; only a text within the text needs them.</summary>
        public IReadOnlyList<string> Lines => _lines ??= Encoding.UTF8.GetString(file).Split('\n');

        public List<ConfigObject> Objects { get; } = [];

        public List<SourceError> Errors { get; } = [];

        public List<SourceError> Warnings { get; } = [];
    }
}
