using Pilotfish.Proxy.Http1.InternalServer;

namespace Pilotfish.Proxy.Admin;

/// <summary>One path of the admin server. A mutation is taken by POST only.</summary>
internal sealed record AdminEndpoint(
    string Path, string Help, bool IsMutation, Func<InternalRequest, InternalResponse, ValueTask> Answer)
{
    public static AdminEndpoint Get(string path, string help, Action<InternalRequest, InternalResponse> answer) =>
        new(path, help, false, Wrap(answer));

    public static AdminEndpoint Post(string path, string help, Action<InternalRequest, InternalResponse> answer) =>
        new(path, help, true, Wrap(answer));

    private static Func<InternalRequest, InternalResponse, ValueTask> Wrap(Action<InternalRequest, InternalResponse> answer) =>
        (request, response) =>
        {
            answer(request, response);
            return ValueTask.CompletedTask;
        };
}
