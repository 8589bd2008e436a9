using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>The service on Grpc.AspNetCore: does what each message asks for.</summary>
internal sealed class EchoService : Echo.EchoBase
{
    private static readonly ConcurrentDictionary<string, int> s_attempts = new();
    private static readonly ConcurrentDictionary<string, TaskCompletionSource> s_cancelled = new();

    public override async Task<Note> Unary(Note request, ServerCallContext context)
    {
        using CancellationTokenRegistration watch = Watch(context);
        string id = Id(context);
        int seen = s_attempts.AddOrUpdate(id, 1, static (_, before) => before + 1);
        if (request.Status != 0 && (request.Failures == 0 || seen <= request.Failures))
        {
            throw Failure(request);
        }

        await Task.Delay(request.DelayMilliseconds, context.CancellationToken);
        return new Note { Payload = request.Payload, Count = seen };
    }

    public override async Task<Note> Collect(IAsyncStreamReader<Note> requestStream, ServerCallContext context)
    {
        var reply = new Note();
        using var all = new MemoryStream();
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            requestStream.Current.Payload.WriteTo(all);
            reply.Count++;
        }

        reply.Payload = ByteString.CopyFrom(all.ToArray());
        return reply;
    }

    public override async Task Expand(Note request, IServerStreamWriter<Note> responseStream, ServerCallContext context)
    {
        using CancellationTokenRegistration watch = Watch(context);
        for (int i = 0; i < request.Count; i++)
        {
            await responseStream.WriteAsync(new Note { Payload = request.Payload, Count = i }, context.CancellationToken);
        }

        if (request.Status != 0)
        {
            throw Failure(request);
        }

        await Task.Delay(request.DelayMilliseconds, context.CancellationToken);
    }

    public override async Task Chat(IAsyncStreamReader<Note> requestStream, IServerStreamWriter<Note> responseStream, ServerCallContext context)
    {
        using CancellationTokenRegistration watch = Watch(context);
        int count = 0;
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            await responseStream.WriteAsync(new Note { Payload = requestStream.Current.Payload, Count = ++count }, context.CancellationToken);
        }
    }

    public override async Task<Note> AwaitCancelled(Note request, ServerCallContext context)
    {
        await Cancelled(request.Payload.ToStringUtf8()).Task.WaitAsync(context.CancellationToken);
        return new Note();
    }

    private static RpcException Failure(Note request) => new(
        new Status((StatusCode)request.Status, $"asked for {request.Status} – ünï"), new Metadata { { "x-detail-bin", [0, 1, 2, 255] } });

    private static string Id(ServerCallContext context) => context.RequestHeaders.GetValue("x-id") ?? "";

    private static TaskCompletionSource Cancelled(string id) =>
        s_cancelled.GetOrAdd(id, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private static CancellationTokenRegistration Watch(ServerCallContext context)
    {
        TaskCompletionSource cancelled = Cancelled(Id(context));
        return context.CancellationToken.Register(() => cancelled.TrySetResult());
    }
}
