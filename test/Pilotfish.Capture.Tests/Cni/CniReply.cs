using System.Text.Json;

namespace Pilotfish.Capture.Tests.Cni;

/// <summary>What the plugin answered: exit code and the one JSON object on standard output.</summary>
internal sealed record CniReply(int ExitCode, JsonElement Body)
{
    public bool IsSilent => Body.ValueKind == JsonValueKind.Undefined;

    public int ErrorCode => Body.GetProperty("code").GetInt32();

    public string ErrorText => Body.GetProperty("msg").GetString()!
        + (Body.TryGetProperty("details", out JsonElement details) ? " " + details.GetString() : string.Empty);
}
