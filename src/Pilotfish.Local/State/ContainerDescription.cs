using System.Text.Json.Nodes;

namespace Pilotfish.Local.State;

/// <summary>One container as `get`, `exec` and `logs` see it.</summary>
internal sealed record ContainerDescription(
    string Name, bool IsInit, string Phase, int Restarts, int Pid, bool IsReady, string ExecFile)
{
    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["init"] = IsInit,
        ["phase"] = Phase,
        ["restarts"] = Restarts,
        ["pid"] = Pid,
        ["ready"] = IsReady,
        ["execFile"] = ExecFile,
    };

    public static ContainerDescription FromJson(JsonNode json) => new(
        (string)json["name"]!,
        (bool)json["init"]!,
        (string)json["phase"]!,
        (int)json["restarts"]!,
        (int)json["pid"]!,
        (bool)json["ready"]!,
        (string)json["execFile"]!);
}
