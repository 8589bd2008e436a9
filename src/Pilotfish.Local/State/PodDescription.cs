using System.Text.Json.Nodes;

namespace Pilotfish.Local.State;

/// <summary>One pod as `get`, `exec` and `logs` see it.</summary>
internal sealed record PodDescription(
    string Namespace, string Name, string Address, string Phase, string Folder, IReadOnlyList<ContainerDescription> Containers)
{
    /// <summary>As shown and typed: the namespace is left out where it is `default`.</summary>
    public string ShortName => Namespace == "default" ? Name : $"{Namespace}/{Name}";

    public bool IsReady => Containers.Where(c => !c.IsInit || c.Phase == "Running").All(c => c.IsReady);

    public JsonObject ToJson()
    {
        var containers = new JsonArray();
        foreach (ContainerDescription container in Containers)
        {
            containers.Add((JsonNode)container.ToJson());
        }

        return new JsonObject
        {
            ["namespace"] = Namespace,
            ["name"] = Name,
            ["address"] = Address,
            ["phase"] = Phase,
            ["folder"] = Folder,
            ["containers"] = containers,
        };
    }

    public static PodDescription FromJson(JsonNode json) => new(
        (string)json["namespace"]!,
        (string)json["name"]!,
        (string)json["address"]!,
        (string)json["phase"]!,
        (string)json["folder"]!,
        [.. json["containers"]!.AsArray().Select(c => ContainerDescription.FromJson(c!))]);
}
