namespace Bookinfo;

/// <summary>GET /ratings/ID: stars by reviewer.</summary>
internal sealed class Ratings : IService
{
    public void Map(WebApplication app) => app.MapGet("/ratings/{id:int}", (int id) => Results.Text(
        $$$"""{"id":{{{id}}},"ratings":{"Reviewer1":5,"Reviewer2":4}}""", "application/json"));
}
