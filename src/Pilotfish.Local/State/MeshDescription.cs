using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pilotfish.Local.State;

/// <summary>What other commands need to know of a running mesh; written by `up` after each change, whole and atomically.</summary>
internal sealed record MeshDescription(
    string Directory, int UpPid, string Phase, IReadOnlyList<PodDescription> Pods, IReadOnlyList<string> Problems)
{
    public const string Starting = "starting";
    public const string Running = "running";

    public string ToJson()
    {
        var pods = new JsonArray();
        foreach (PodDescription pod in Pods)
        {
            pods.Add((JsonNode)pod.ToJson());
        }

        var problems = new JsonArray();
        foreach (string problem in Problems)
        {
            problems.Add((JsonNode)problem);
        }

        var root = new JsonObject
        {
            ["directory"] = Directory,
            ["upPid"] = UpPid,
            ["phase"] = Phase,
            ["pods"] = pods,
            ["problems"] = problems,
        };
        return root.ToJsonString();
    }

    public static void Write(string path, string json)
    {
        string fresh = path + ".new";
        File.WriteAllText(fresh, json);
        File.Move(fresh, path, overwrite: true);
    }

    /// <summary>Null when there is none, or when it is being removed.</summary>
    public static MeshDescription? Read(string path)
    {
        try
        {
            JsonNode root = JsonNode.Parse(File.ReadAllText(path))!;
            return new MeshDescription(
                (string)root["directory"]!,
                (int)root["upPid"]!,
                (string)root["phase"]!,
                [.. root["pods"]!.AsArray().Select(pod => PodDescription.FromJson(pod!))],
                [.. root["problems"]!.AsArray().Select(problem => (string)problem!)]);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
