# One image, two services: `backend` (API, stream, store, jobs) and `frontend` (the dashboard before it).
FROM node:22-bookworm-slim AS live
WORKDIR /live
COPY frontend/live/package.json frontend/live/package-lock.json frontend/live/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY frontend/live/ ./
RUN npm run build

FROM python:3.11-slim-bookworm
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.lock ./
RUN pip install -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY lrd_core lrd_core
COPY backend backend
COPY frontend frontend
COPY --from=live /live/dist frontend/live/dist
RUN pip install --no-deps --no-build-isolation -e . \
    && useradd --create-home lrd \
    && mkdir /data && chown lrd /data
USER lrd
ENV LRD_STORE=sqlite:////data/lrd.sqlite3
VOLUME /data
EXPOSE 8000
CMD ["lrd", "serve", "--host", "0.0.0.0"]
